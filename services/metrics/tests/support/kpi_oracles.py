"""What every KPI must be, by brute force over plain events.

Shares no code with the engine, on purpose: nothing of `metrics` or `events` is
imported. Stocks are looked up day by day, nothing is incremental, slow is fine.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

Json = dict[str, Any]
Cut = dict[str, list[tuple[str, int]]]
"""Dimension to members with weights."""

DEAL_CUTS = ("team", "channel", "segment", "sector", "region", "product")


@dataclass(frozen=True)
class Expected:
    """A value with its parts; `value` is None where it must be undefined."""

    value: Fraction | int | None
    numerator: Fraction | int | None = None
    denominator: Fraction | int | None = None
    n: Fraction | int = 0
    unpriced: Fraction | int = 0


@dataclass
class Atom:
    """Something that happened on a day: `amount` in base minor units, None when unpriced."""

    on: date
    cut: Cut
    amount: int | None = 0
    days: int | None = None


@dataclass
class Books:
    """All that the events say, sorted out once."""

    events: list[Json]
    zone: ZoneInfo
    base: str
    won: list[Atom] = field(default_factory=list)
    lost: list[Atom] = field(default_factory=list)
    created: list[Atom] = field(default_factory=list)
    refunds: list[Atom] = field(default_factory=list)
    orders: list[Atom] = field(default_factory=list)
    leads: list[Atom] = field(default_factory=list)
    converted: list[Atom] = field(default_factory=list)
    operating: list[Atom] = field(default_factory=list)
    of_project: list[Atom] = field(default_factory=list)
    due: list[Atom] = field(default_factory=list)
    on_time: list[Atom] = field(default_factory=list)
    budgets: list[Atom] = field(default_factory=list)
    targets: list[Json] = field(default_factory=list)
    _stocks: dict[date, list[Atom]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        streams: dict[tuple[str, str], list[Json]] = defaultdict(list)
        for event in _effective(self.events):
            streams[event["source"], event["subject"]].append(event)
        self._deals = list(self._each(streams, "pipeline.deal."))
        self._refunded: dict[tuple[str, str, str], list[Json]] = defaultdict(list)
        for stream in self._each(streams, "partner.payment.refunded"):
            last = stream[-1]
            owner = "" if last["source_type"] == "deal" else last["source"]
            self._refunded[last["source_type"], owner, last["source_id"]].append(last)
        self._read_deals()
        self._read_orders(streams)
        self._read_rest(streams)

    def _each(
        self, streams: dict[tuple[str, str], list[Json]], prefix: str
    ) -> Iterable[list[Json]]:
        """The events of one family, stream by stream in sequence."""
        for stream in streams.values():
            of_family = [event for event in stream if event["type"].startswith(prefix)]
            if of_family:
                yield sorted(of_family, key=lambda event: event["sequence"])

    # -- deals ----------------------------------------------------------------

    def _read_deals(self) -> None:
        for stream in self._deals:
            deal = stream[-1]["deal"]
            source = stream[-1]["source"]
            ours = source.startswith("/tandem/")
            sale = ("deal", "") if ours else ("partner_deal", source)
            refunds = self._refunded.pop((*sale, deal["deal_id"]), [])
            if deal["status"] == "deleted":
                continue
            created_on = self.day(deal["created_at"])
            self.created.append(Atom(created_on, deal_cut(stream[0]["deal"])))
            cut = deal_cut(deal)
            if deal["status"] != "open":
                cut = deal_cut(state_at(stream, at(deal["closed_at"])))
                self._read_closing(deal, cut, refunds)
            self._read_refunds(refunds, cut)

    def _read_closing(self, deal: Json, cut: Cut, refunds: list[Json]) -> None:
        closed = at(deal["closed_at"])
        if deal["status"] == "lost":
            self.lost.append(Atom(self.day(deal["closed_at"]), cut))
            return
        lead = deal.get("lead")
        first = at(lead["captured_at"] if lead else deal["created_at"])
        days = (self.day(deal["closed_at"]) - self.local(first)).days if first <= closed else None
        amount = self.money(deal.get("amount"))
        self.won.append(Atom(self.day(deal["closed_at"]), cut, amount, days))
        in_time = timedelta(0) <= closed - first < timedelta(days=90)
        if lead and in_time and not self._all_back(deal.get("amount"), refunds):
            self.converted.append(Atom(self.local(first), lead_cut(lead)))

    def _all_back(self, amount: Json | None, refunds: list[Json]) -> bool:
        if not amount or not refunds:
            return False
        if {refund["amount"]["currency"] for refund in refunds} == {amount["currency"]}:
            back = sum(refund["amount"]["amount_minor"] for refund in refunds)
            return bool(back >= amount["amount_minor"])
        priced = [self.money(refund["amount"]) for refund in refunds]
        worth = self.money(amount)
        if worth is None or None in priced:
            return False
        return sum(value for value in priced if value is not None) >= worth

    def _read_refunds(self, refunds: list[Json], cut: Cut) -> None:
        for refund in refunds:
            self.refunds.append(Atom(self.local(refund["time"]), cut, self.money(refund["amount"])))

    def open_at_end(self, on: date) -> list[Atom]:
        """The deals that are open when the day ends, as the deals are known today."""
        if on not in self._stocks:
            self._stocks[on] = self._count_stock(on)
        return self._stocks[on]

    def _count_stock(self, on: date) -> list[Atom]:
        found = []
        for stream in self._deals:
            deal = stream[-1]["deal"]
            if deal["status"] == "deleted" or self.day(deal["created_at"]) > on:
                continue
            if deal["status"] != "open" and self.day(deal["closed_at"]) <= on:
                continue
            # The last change that the day has seen; a later number never comes earlier.
            state, clock = stream[0]["deal"], stream[0]["time"]
            for event in stream[1:]:
                clock = max(clock, event["time"])
                if self.local(clock) <= on:
                    state = event["deal"]
            found.append(Atom(on, deal_cut(state), self.money(state.get("amount"))))
        return found

    # -- the rest -------------------------------------------------------------

    def _read_orders(self, streams: dict[tuple[str, str], list[Json]]) -> None:
        for stream in self._each(streams, "partner.order.paid"):
            order = stream[-1]
            cut = cut_of(order, DEAL_CUTS)
            cut["owner"] = [(order.get("owner_id") or "unknown", 1)]
            cut["pipeline"] = [("unknown", 1)]
            lines: dict[str, int] = defaultdict(int)
            for line in order.get("lines", []):
                lines[line["product"]] += line["amount_minor"]
            if lines:
                cut["product"] = sorted(lines.items())
            self.orders.append(Atom(self.local(order["time"]), cut, self.money(order["amount"])))
            key = ("order", order["source"], order["order_id"])
            self._read_refunds(self._refunded.pop(key, []), cut)
        unknown: Cut = {name: [("unknown", 1)] for name in (*DEAL_CUTS, "owner", "pipeline")}
        for orphans in self._refunded.values():
            self._read_refunds(orphans, unknown)

    def _read_rest(self, streams: dict[tuple[str, str], list[Json]]) -> None:
        for stream in self._each(streams, "customer.lead."):
            lead = stream[0]["lead"]
            self.leads.append(Atom(self.day(lead["captured_at"]), lead_cut(lead)))
        for stream in self._each(streams, "ops.cost."):
            if stream[-1]["type"] == "ops.cost.recorded.v1":
                self._read_cost(stream[-1])
        for stream in self._each(streams, "ops.project."):
            self._read_project(stream)
        for stream in self._each(streams, "pipeline.target."):
            self.targets.append(stream[-1])

    def _read_cost(self, cost: Json) -> None:
        cut = cut_of(cost, ("team", "region"))
        cut["project"] = [(cost.get("project_id") or "unknown", 1)]
        cut["process"] = [(cost.get("process") or "unknown", 1)]
        atom = Atom(date.fromisoformat(cost["incurred_on"]), cut, self.money(cost["amount"]))
        if cost["kind"] == "operating":
            self.operating.append(atom)
        if cost.get("project_id"):
            only = {"project": cut["project"]}
            self.of_project.append(Atom(atom.on, only, atom.amount))

    def _read_project(self, stream: list[Json]) -> None:
        planned = [event for event in stream if event["project"].get("baselines")]
        if not planned:
            return
        for event in planned:
            if any(baseline.get("budget") for baseline in event["project"]["baselines"]):
                self._read_budget(event)
                break
        last = stream[-1]["project"]
        due = date.fromisoformat(planned[0]["project"]["baselines"][0]["due_on"])
        cancelled, completed = last.get("cancelled_at"), last.get("completed_at")
        if cancelled and not completed and self.day(cancelled) <= due:
            return
        cut = self._project_cut(stream, due)
        self.due.append(Atom(due, cut))
        if completed and self.day(completed) <= due:
            self.on_time.append(Atom(due, cut))

    def _project_cut(self, stream: list[Json], due: date) -> Cut:
        """As it was when the due day ended."""
        state, clock = stream[0]["project"], stream[0]["time"]
        for event in stream[1:]:
            clock = max(clock, event["time"])
            if self.local(clock) <= due:
                state = event["project"]
        cut = cut_of(state, ("team", "segment", "sector"))
        cut["owner"] = [(state.get("owner_id") or "unknown", 1)]
        cut["project"] = [(state["project_id"], 1)]
        return cut

    def _read_budget(self, event: Json) -> None:
        """Spent as planned, else evenly by days, a part at each month's end."""
        project = event["project"]
        baseline = next(b for b in project["baselines"] if b.get("budget"))
        budget, due = baseline["budget"], date.fromisoformat(baseline["due_on"])
        whole, start = self.money(budget), self.local(event["time"])
        plan: dict[date, int | None] = {}
        if whole is None:
            plan[due] = None
        elif baseline.get("planned_values"):
            until = 0
            for value in baseline["planned_values"]:
                worth = self.money({**budget, "amount_minor": value["value_minor"]}) or 0
                on = date.fromisoformat(value["on"])
                plan[on] = worth - until
                until = worth
            plan[max(due, on)] = (plan.get(max(due, on)) or 0) + whole - until
        elif start >= due:
            plan[due] = whole
        else:
            length, until, on = (due - start).days + 1, 0, start
            while on <= due:
                if on == due or (on + timedelta(days=1)).day == 1:
                    worth = whole * ((on - start).days + 1) // length
                    plan[on] = worth - until
                    until = worth
                on += timedelta(days=1)
        cut = {"project": [(project["project_id"], 1)]}
        self.budgets += [Atom(on, cut, amount) for on, amount in plan.items()]

    # -- units ----------------------------------------------------------------

    def local(self, instant: datetime) -> date:
        return instant.astimezone(self.zone).date()

    def day(self, text: str) -> date:
        return self.local(at(text))

    def money(self, money: Json | None) -> int | None:
        if money is None:
            return None
        if money["currency"] == self.base:
            return int(money["amount_minor"])
        if "rate" not in money:
            return None
        digits = {"JPY": 0}.get(money["currency"], 2)
        exact = Decimal(money["amount_minor"]) * Decimal(money["rate"]) * 10 ** (2 - digits)
        return int(exact.quantize(Decimal(1), ROUND_HALF_EVEN))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _effective(events: list[Json]) -> list[Json]:
    """The events that were not voided; the last void of a subject has the last word."""
    dead: set[str] = set()
    voids = [event for event in events if event["type"] == "partner.event.voided.v1"]
    for void in sorted(voids, key=lambda event: -event["sequence"]):
        if void["id"] not in dead:
            dead.add(void["event_id"])
    return [event for event in events if event["id"] not in dead and event not in voids]


def state_at(stream: list[Json], instant: datetime) -> Json:
    """The deal as it was at an instant; the first state before that."""
    state, clock = stream[0]["deal"], stream[0]["time"]
    for event in stream[1:]:
        clock = max(clock, event["time"])
        if clock <= instant:
            state = event["deal"]
    return dict(state)


def deal_cut(deal: Json) -> Cut:
    cut = cut_of(deal, DEAL_CUTS)
    cut["owner"] = sorted((o["owner_id"], o["weight_bp"]) for o in deal.get("owners", []))
    cut["owner"] = cut["owner"] or [("unknown", 1)]
    cut["pipeline"] = [(deal["pipeline"], 1)]
    return cut


def lead_cut(lead: Json) -> Cut:
    cut = cut_of(lead, DEAL_CUTS)
    cut["owner"] = [(lead.get("owner_id") or "unknown", 1)]
    return cut


def cut_of(fact: Json, names: Iterable[str]) -> Cut:
    dimensions = fact.get("dimensions", {})
    return {name: [(dimensions.get(name) or "unknown", 1)] for name in names}


def divided(amount: int, members: list[tuple[str, int]]) -> dict[str, int]:
    """Largest remainders, in the long way: give single units to whoever is owed most."""
    if amount < 0:
        return {name: -part for name, part in divided(-amount, members).items()}
    total = sum(weight for _, weight in members)
    if total == 0:
        members, total = [(name, 1) for name, _ in members], len(members)
    owed = {name: Fraction(amount * weight, total) for name, weight in members}
    given = {name: int(share) for name, share in owed.items()}
    for _ in range(amount - sum(given.values())):
        neediest = max(owed, key=lambda name: owed[name] - given[name])
        given[neediest] += 1
    return given


# -- sums ---------------------------------------------------------------------

Where = tuple[str | None, str | None]
"""Dimension and member, or neither for the total."""


def count(atoms: Iterable[Atom], where: Where) -> Fraction:
    total = Fraction(0)
    for atom in atoms:
        total += Fraction(_part(10_000, atom, where), 10_000)
    return total


def amount(atoms: Iterable[Atom], where: Where) -> int:
    return sum(_part(atom.amount, atom, where) for atom in atoms if atom.amount is not None)


def unpriced(atoms: Iterable[Atom], where: Where) -> Fraction:
    return count((atom for atom in atoms if atom.amount is None), where)


def _part(whole: int, atom: Atom, where: Where) -> int:
    dimension, member = where
    if dimension is None:
        return whole
    return divided(whole, atom.cut[dimension]).get(member or "", 0)


def within(atoms: Iterable[Atom], start: date, end: date) -> list[Atom]:
    return [atom for atom in atoms if start <= atom.on < end]


# -- KPIs ---------------------------------------------------------------------


@dataclass(frozen=True)
class Ask:
    """A period and a place in it. `now` is the watermark."""

    start: date
    end: date
    where: Where
    now: datetime


def expected(kpi: str, books: Books, ask: Ask) -> Expected:
    return ORACLES[kpi](books, ask)


def revenue_net(books: Books, ask: Ask) -> Expected:
    won, orders, refunds = (
        within(atoms, ask.start, ask.end) for atoms in (books.won, books.orders, books.refunds)
    )
    value = amount(won, ask.where) + amount(orders, ask.where) - amount(refunds, ask.where)
    missing = sum((unpriced(a, ask.where) for a in (won, orders, refunds)), Fraction(0))
    n = count(won, ask.where) + count(orders, ask.where)
    return Expected(value, value, None, n, missing)


def revenue_attainment(books: Books, ask: Ask) -> Expected:
    net = revenue_net(books, ask)
    goal = _goal(books, "revenue_net", ask)
    value = Fraction(int(net.value or 0), goal) if goal else None
    return Expected(value, net.value, goal, net.n, net.unpriced)


def win_rate(books: Books, ask: Ask) -> Expected:
    won = count(within(books.won, ask.start, ask.end), ask.where)
    lost = count(within(books.lost, ask.start, ask.end), ask.where)
    return _ratio(won, won + lost)


def decision_rate(books: Books, ask: Ask) -> Expected:
    closed = within(books.won + books.lost, ask.start, ask.end)
    opening = books.open_at_end(ask.start - timedelta(days=1))
    created = within(books.created, ask.start, ask.end)
    below = count(opening, ask.where) + count(created, ask.where)
    return _ratio(count(closed, ask.where), below)


def sales_cycle_days(books: Books, ask: Ask) -> Expected:
    weights: dict[int, Fraction] = defaultdict(Fraction)
    for atom in within(books.won, ask.start, ask.end):
        if atom.days is not None:
            weights[atom.days] += count([atom], ask.where)
    # A list with each value as often as its weight in ten-thousandths says, and its middle.
    n = sum(weights.values(), Fraction(0))
    if n < 5:
        return Expected(None, n=n)
    spread = [days for days, weight in sorted(weights.items()) for _ in range(int(weight * 10_000))]
    half = len(spread) // 2
    middle = [spread[half]] if len(spread) % 2 else spread[half - 1 : half + 1]
    return Expected(Fraction(sum(middle), len(middle)), n=n)


def avg_deal_value(books: Books, ask: Ask) -> Expected:
    won = within(books.won, ask.start, ask.end)
    priced = count((atom for atom in won if atom.amount is not None), ask.where)
    above = amount(won, ask.where)
    value = round(Fraction(above) / priced) if priced else None  # round() is half-even
    return Expected(value, above, priced, priced, unpriced(won, ask.where))


def pipeline_open(books: Books, ask: Ask) -> Expected:
    stock = books.open_at_end(ask.end - timedelta(days=1))
    value = amount(stock, ask.where)
    return Expected(value, value, None, count(stock, ask.where), unpriced(stock, ask.where))


def lead_conversion(books: Books, ask: Ask) -> Expected:
    above = count(within(books.converted, ask.start, ask.end), ask.where)
    below = count(within(books.leads, ask.start, ask.end), ask.where)
    midnight = datetime.combine(ask.end, time(), books.zone).astimezone(UTC)
    if midnight + timedelta(days=90) > ask.now:
        return Expected(None, above, below, below)
    return _ratio(above, below)


def operating_cost(books: Books, ask: Ask) -> Expected:
    costs = within(books.operating, ask.start, ask.end)
    value = amount(costs, ask.where)
    return Expected(value, value, None, count(costs, ask.where), unpriced(costs, ask.where))


def cost_control(books: Books, ask: Ask) -> Expected:
    if ask.where[0] == "project":
        costs, plans = (within(a, ask.start, ask.end) for a in (books.of_project, books.budgets))
        goal: int | None = amount(plans, ask.where)
        missing = unpriced(costs, ask.where) + unpriced(plans, ask.where)
    else:
        costs = within(books.operating, ask.start, ask.end)
        goal = _goal(books, "operating_cost", ask)
        missing = unpriced(costs, ask.where)
    n = count(costs, ask.where)
    over = None if goal is None else amount(costs, ask.where) - goal
    value = Fraction(over, goal) if goal and over is not None else None
    return Expected(value, over, goal, n, missing)


def project_on_time(books: Books, ask: Ask) -> Expected:
    end = min(ask.end, books.local(ask.now))
    above = count(within(books.on_time, ask.start, end), ask.where)
    return _ratio(above, count(within(books.due, ask.start, end), ask.where))


def _ratio(above: Fraction, below: Fraction) -> Expected:
    return Expected(above / below if below else None, above, below, below)


def _goal(books: Books, kpi: str, ask: Ask) -> int | None:
    """The target of exactly this period and scope: its own, or all of its quarters or months."""
    scope, member = ask.where
    months = (ask.end.year - ask.start.year) * 12 + ask.end.month - ask.start.month
    set_for = [
        t
        for t in books.targets
        if t["kpi"] == kpi
        and (t["scope"], t.get("scope_value")) == (scope or "company", member)
        and t.get("value") is not None
    ]
    for length in (12, 3, 1):
        here = [
            t
            for t in set_for
            if _length(t["period"]) == length and ask.start <= _first(t["period"]) < ask.end
        ]
        whole = months == length or (months > length and len(here) == months // length)
        if not here or not whole or any(t.get("currency") not in (None, books.base) for t in here):
            continue
        return _to_date(sum(t["value"] for t in here), books, ask)
    return None


def _to_date(goal: int, books: Books, ask: Ask) -> int:
    today = books.local(ask.now)
    if not ask.start <= today < ask.end - timedelta(days=1):
        return goal
    days = [ask.start + timedelta(days=n) for n in range((ask.end - ask.start).days)]
    working = [day for day in days if day.weekday() < 5]
    return goal * len([day for day in working if day <= today]) // len(working)


def _length(period: str) -> int:
    return 12 if len(period) == 4 else 3 if "Q" in period else 1


def _first(period: str) -> date:
    year, _, rest = period.partition("-")
    month = 1 if not rest else int(rest[1]) * 3 - 2 if rest[0] == "Q" else int(rest)
    return date(int(year), month, 1)


ORACLES: dict[str, Callable[[Books, Ask], Expected]] = {
    oracle.__name__: oracle
    for oracle in (
        revenue_net,
        revenue_attainment,
        win_rate,
        decision_rate,
        sales_cycle_days,
        avg_deal_value,
        pipeline_open,
        lead_conversion,
        operating_cost,
        cost_control,
        project_on_time,
    )
}
