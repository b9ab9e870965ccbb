"""What the KPIs of deals on the way must be: each deal is looked at whole, for each question."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import date, datetime, timedelta
from fractions import Fraction

from kpi_oracles.books import Ask, Atom, Books, Expected, Json, Stream, at
from kpi_oracles.deals import deal_cut, sales_of
from kpi_oracles.leads import matured
from kpi_oracles.sums import amount, count, during, unpriced

Step = tuple[str, str]
"""Pipeline and stage."""


def stage_conversion(books: Books, ask: Ask) -> Expected:
    everyone, won = reached(books, ask, 0), reached(books, ask, 20)
    value = won / everyone if everyone and matured(books, ask, days=90) else None
    return Expected(value, won, everyone, everyone)


def reached(books: Books, ask: Ask, step: int) -> Fraction:
    """How many of the deals created in the period came to a step or further within 90 days."""
    came = [deal for deal, furthest in books.sorted_out(_how_far) if furthest >= step]
    return count(during(came, ask), ask.where)


def _how_far(books: Books) -> list[tuple[Atom, int]]:
    """Every deal on the day of its creation, with the furthest step that it came to."""
    found = []
    for stream in _deals(books):
        created = at(stream[-1]["deal"]["created_at"])
        deal = Atom(books.local(created), deal_cut(stream[0]["deal"]))
        found.append((deal, _furthest(stream, created + timedelta(days=90))))
    return found


def _furthest(stream: Stream, until: datetime) -> int:
    deal = stream[-1]["deal"]
    if deal["status"] == "won" and at(deal["closed_at"]) < until:
        return 20
    ranks = [
        event["deal"]["stage_rank"]
        for event, clock in _with_clock(stream)
        if event["deal"]["status"] != "won" and clock < until
    ]
    return min(max(ranks, default=0), 19)


def pipeline_weighted(books: Books, ask: Ask) -> Expected:
    share_of = _shares_won(books, ask.end)
    worth = Fraction(0)
    atoms = []
    for stream in _deals(books):
        expected = _expected_at(books, stream, ask.end)
        if expected is not None:
            state, step = expected
            atom = Atom(ask.start, deal_cut(state), books.money(state.get("amount")))
            worth += amount([atom], ask.where) * share_of(step)
            atoms.append(atom)
    n, missing = count(atoms, ask.where), unpriced(atoms, ask.where)
    return Expected(round(worth), amount(atoms, ask.where), None, n, missing)


def _expected_at(books: Books, stream: Stream, end: date) -> tuple[Json, Step] | None:
    """The deal as it was when the last day ended, and the stage it was in, if it was open and
    expected to close in the next 90 days.
    """
    deal = stream[-1]["deal"]
    if books.day(deal["created_at"]) >= end:
        return None
    if deal["status"] != "open" and books.day(deal["closed_at"]) < end:
        return None
    known = [event["deal"] for event, clock in _with_clock(stream) if books.local(clock) < end]
    opened = [state for state in known if state["status"] == "open"]
    expected = opened[-1].get("expected_close_on")
    if expected is None or not end <= date.fromisoformat(expected) < end + timedelta(days=90):
        return None
    return known[-1], (opened[-1]["pipeline"], opened[-1]["stage"])


def _shares_won(books: Books, end: date) -> Callable[[Step], Fraction]:
    """Of the deals that were in a stage and closed in the year before, the share that was won."""
    won: dict[Step, int] = defaultdict(int)
    decided: dict[Step, int] = defaultdict(int)
    for stream in _deals(books):
        deal = stream[-1]["deal"]
        if deal["status"] == "open":
            continue
        if end - timedelta(days=365) <= books.day(deal["closed_at"]) < end:
            states = [event["deal"] for event in stream if event["deal"]["status"] == "open"]
            for step in {(state["pipeline"], state["stage"]) for state in states}:
                decided[step] += 1
                won[step] += deal["status"] == "won"
    total = sum(decided.values())
    overall = Fraction(sum(won.values()), total) if total else Fraction(0)
    return lambda step: (won[step] + 20 * overall) / (decided[step] + 20)


def deals_lost(books: Books, ask: Ask) -> Expected:
    lost = count(during(books.sorted_out(sales_of).lost, ask), ask.where)
    return Expected(lost, lost, None, lost)


def _deals(books: Books) -> list[Stream]:
    streams = books.streams("pipeline.deal.")
    return [stream for stream in streams if stream[-1]["deal"]["status"] != "deleted"]


def _with_clock(stream: Stream) -> list[tuple[Json, datetime]]:
    """Each event with the time from which it holds; a later number never comes earlier."""
    clock = stream[0]["time"]
    found = [(stream[0], at(stream[0]["deal"]["created_at"]))]
    for event in stream[1:]:
        clock = max(clock, event["time"])
        found.append((event, clock))
    return found
