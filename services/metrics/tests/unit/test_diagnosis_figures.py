"""The figures of a diagnosis are those of a brute-force look at every buyer's purchases."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st
from kpi_histories import BASE as CURRENCY
from kpi_histories import History, plain
from kpi_oracles import Ask, Books, expected
from kpi_oracles.buyers import NAMELESS, Purchase, buyers_of, customer_name, final_names
from memory_shelf import MemoryShelf, folded, readings

from events import Event, Money
from events.types.pipeline import DealCreated, DealState
from metrics.diagnosis import Figures
from metrics.engine.calendar import Grain, Period, periods_between
from metrics.engine.company import Company, date_of, day_number, micros_of
from metrics.engine.sums import Known, Spot, Sums
from metrics.kpis.diagnosis import BASE, CONVERSION, FUNNEL, LEADS, LOST, REFUNDS, REVENUE
from metrics.kpis.market import MARKET_SHARE
from metrics.query.figures import BAND_NAMES, FigureSums, Spread, figures_of
from metrics.query.question import Question

LATER = datetime(2026, 1, 1, tzinfo=UTC)
ZONE = "America/New_York"
NEW_YORK = Company(time_zone=ZONE, base_currency=CURRENCY)
GRAINS = ("month", "quarter")
MAKERS = ("deal", "order", "refund", "merge", "user")


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**40),
    facts=st.integers(1, 80),
    grain=st.sampled_from(["month", "quarter"]),
)
def test_figures_are_those_of_every_buyers_purchases(seed: int, facts: int, grain: str) -> None:
    history = History(seed, facts=facts, of=MAKERS)
    shelf = folded([history.events], NEW_YORK)
    books = Books(plain(history.events), ZoneInfo(ZONE), CURRENCY)
    known = Known(NEW_YORK, micros_of(LATER), complete=True)
    span = day_number(date(2023, 1, 1)), day_number(date(2025, 1, 1))
    periods = tuple(periods_between(*span, Grain(grain)))

    sums = figure_sums(shelf, periods, known)
    spread = Spread()
    for period in periods:
        found = figures_of(sums, period, spread=spread)
        start, end = date_of(period.start), date_of(period.end)
        _check_bands(found, books, start, end)
        _check_new_business(found, books, start, end)
        # What revenue is made of, refunds taken off, is the revenue (oracle 7).
        revenue = expected("revenue_net", books, Ask(start, end, (None, None), LATER))
        assert found.revenue_minor == revenue.value


@settings(max_examples=8)
@given(seed=st.integers(0, 2**40), stale=st.integers(1, 30))
def test_27_deals_that_were_stale_already_change_no_figure(seed: int, stale: int) -> None:
    """So no verdict either: it is made of nothing but figures."""
    history = History(seed, facts=40, of=("deal", "order", "lead"))
    old = datetime(2021, 3, 1, tzinfo=UTC)
    forgotten = [
        Event.of(
            DealCreated(deal=_open_deal(f"forgotten{n}", old)),
            source="/tandem/pipeline",
            sequence=1,
            occurred_at=old,
            recorded_at=old,
        )
        for n in range(stale)
    ]
    known = Known(NEW_YORK, micros_of(LATER), complete=True)
    span = day_number(date(2024, 1, 1)), day_number(date(2025, 1, 1))
    periods = tuple(periods_between(*span, Grain.QUARTER))
    found = []
    for events in (history.events, [*history.events, *forgotten]):
        sums = figure_sums(folded([events], NEW_YORK), periods, known)
        found.append([figures_of(sums, period, spread=Spread()) for period in periods])
    assert found[0] == found[1]


def _open_deal(name: str, at: datetime) -> DealState:
    return DealState(
        deal_id=name,
        pipeline="standard",
        stage="first",
        stage_rank=0,
        status="open",
        episode=1,
        created_at=at,
        amount=Money(amount_minor=100_000, currency=CURRENCY),
    )


def figure_sums(
    shelf: MemoryShelf,
    periods: tuple[Period, ...],
    known: Known,
    filters: Mapping[str, tuple[str, ...]] = {},
) -> FigureSums:
    """What the reader of figures gathers, from the cells in memory."""

    def read(kpi: Any, *by: str) -> Sums:
        return next(readings(shelf, asking(kpi, periods, *by, filters=filters), known))

    return FigureSums(
        funnels=read(FUNNEL, "channel"),
        leads=read(LEADS, "channel"),
        bases=read(BASE),
        refunds=read(REFUNDS),
        market=next(readings(shelf, asking(MARKET_SHARE, periods), known)),
        known=known,
    )


def asking(
    kpi: Any,
    periods: tuple[Period, ...],
    *by: str,
    filters: Mapping[str, tuple[str, ...]] = {},
) -> Question:
    grain = periods[0].grain
    return Question(kpi=kpi, grain=grain, periods=periods, by=by, filters=filters, as_of=None)


@settings(max_examples=12)
@given(
    seed=st.integers(0, 2**40),
    facts=st.integers(1, 40),
    scope=st.sampled_from(["team", "segment", "region", "product"]),
)
def test_what_is_kept_by_two_dimensions_at_once_is_what_the_facts_say(
    seed: int, facts: int, scope: str
) -> None:
    """And its margins are those of an independent look at the events."""
    history = History(seed, facts=facts, of=(*MAKERS, "lead"))
    shelf = folded([history.events], NEW_YORK)
    books = Books(plain(history.events), ZoneInfo(ZONE), CURRENCY)
    known = Known(NEW_YORK, micros_of(LATER), complete=True)
    span = day_number(date(2023, 1, 1)), day_number(date(2025, 1, 1))
    periods = tuple(periods_between(*span, Grain.QUARTER))
    for kpi in (FUNNEL, LEADS, CONVERSION, LOST, REVENUE):
        by = "reason" if kpi is LOST else "channel"
        cells, from_facts = readings(shelf, asking(kpi, periods, by, scope), known)
        assert _all_read(kpi, cells, known) == _all_read(kpi, from_facts, known)
    for member in {members[1] for members in cells.members}:
        only = {scope: (member,)}
        sums = figure_sums(shelf, periods, known, only)
        [of_member, _] = readings(shelf, asking(REVENUE, periods, "channel", filters=only), known)
        for place, period in enumerate(periods):
            start, end = date_of(period.start), date_of(period.end)
            told = sum(
                Spot(of_member, members, place, known).read(REVENUE.parts["revenue"]) or 0
                for members in of_member.members
            )
            ask = Ask(start, end, (scope, member), LATER)
            assert told == expected("revenue_net", books, ask).value
            found = figures_of(sums, period, spread=Spread())
            _check_new_business(found, books, start, end, where=(scope, member))


def _all_read(kpi: Any, sums: Sums, known: Known) -> dict[Any, int]:
    """Whatever is read of the parts, where it is not nothing."""
    read = {
        (name, members, place): Spot(sums, members, place, known).read(part)
        for name, part in kpi.parts.items()
        for members in sums.members
        for place in range(len(sums.periods))
    }
    return {key: amount for key, amount in read.items() if amount}


def _check_bands(found: Figures, books: Books, start: date, end: date) -> None:
    wanted: dict[str, list[int]] = {name: [0] * 5 for name in BAND_NAMES}
    active = _active_days(books)
    for name, purchases in books.sorted_out(buyers_of).items():
        kept = [p for p in purchases if p.kept]
        if name.startswith(NAMELESS) or not any(
            start - timedelta(days=365) <= p.on < start for p in kept
        ):
            continue
        days = (start - kept[0].on).days
        band = wanted[BAND_NAMES[(days > 90) + (days > 180) + (days > 365)]]
        now = [p for p in kept if start <= p.on < end]
        used = any(start <= day < end for day in active[name])
        for place, amount in enumerate(
            (1, bool(now or used), bool(now), len(now), sum(p.base or 0 for p in now))
        ):
            band[place] += int(amount)
    told = {
        name: [band.base, band.active, band.buyers, band.orders, band.revenue_minor]
        for name, band in found.bands.items()
    }
    assert told == wanted


def _check_new_business(
    found: Figures,
    books: Books,
    start: date,
    end: date,
    where: tuple[str, str] | None = None,
) -> None:
    first = [_first(purchases) for purchases in books.sorted_out(buyers_of).values()]
    new = [p for p in first if p is not None and start <= p.on < end]
    if where is not None and where[0] == "product":
        return  # a purchase of several products is shared among them, and what is left over with it
    if where is not None:
        new = [p for p in new if where[1] in dict(p.cut[where[0]])]
    assert sum(funnel.won for funnel in found.funnels.values()) == len(new)
    assert sum(f.amount_minor for f in found.funnels.values()) == sum(p.base or 0 for p in new)
    for funnel in found.funnels.values():
        assert 0 <= funnel.won <= funnel.decided <= funnel.workable


def _first(purchases: list[Purchase]) -> Purchase | None:
    return next((p for p in purchases if p.kept), None)


def _active_days(books: Books) -> dict[str, set[date]]:
    found: dict[str, set[date]] = defaultdict(set)
    final = final_names(books)
    for stream in books.streams("partner.activity.recorded"):
        for event in stream:
            if event.get("customer_id"):
                name = customer_name(event["customer_id"], event["source"], sale="")
                found[final(name)].add(books.local(event["time"]))
    return found
