"""Buyers of a scope are read no further than it asks for, and say of it what they say in all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime

from hypothesis import given, settings
from hypothesis import strategies as st
from kpi_histories import BASE as CURRENCY
from kpi_histories import History
from memory_shelf import MemoryShelf, folded

from metrics.engine.calendar import Grain, Period, months_before, period_of
from metrics.engine.company import Company, day_number
from metrics.engine.dimension import NUMBERS, Cut
from metrics.engine.moment import Moment
from metrics.engine.slicing import passing
from metrics.engine.told import Records
from metrics.facts import BUYERS
from metrics.store.facts import decode_fact
from metrics.store.told import Telling

COMPANY = Company(time_zone="America/New_York", base_currency=CURRENCY)
APRIL = int(datetime(2024, 4, 1, tzinfo=UTC).timestamp())
PAIRS = (("region", "product"), ("team", "segment"), ("channel", "region"))


@settings(max_examples=20)
@given(
    seed=st.integers(0, 2**40),
    facts=st.integers(1, 80),
    pair=st.sampled_from(PAIRS),
    until=st.sampled_from([None, APRIL]),
)
def test_a_buyer_says_of_a_scope_what_he_says_of_it_in_all(
    seed: int, facts: int, pair: tuple[str, str], until: int | None
) -> None:
    history = History(seed, facts=facts, of=("deal", "order", "refund", "merge", "user"))
    shelf = folded([history.events], COMPANY)
    said = said_in_all(shelf, until)
    scopes = {tuple(tuple(names(cut, one)) for one in pair) for _, _, cut, *_ in said}
    for scope in scopes:
        filters = dict(zip(pair, scope, strict=True))
        expected = Counter({m: n for m, n in said.items() if is_of(m.cut, filters)})
        assert said_of(shelf, filters, until) == expected


def periods() -> list[Period]:
    """Of the calendar, and twelve months that are not."""
    months = [period_of(day_number(date(2024, n, 1)), Grain.MONTH) for n in (3, 4, 5, 6)]
    quarter = period_of(months[1].start, Grain.QUARTER)
    year = Period(months_before(months[0], 12).end, months[0].end, Grain.YEAR)
    return [*months, quarter, months_before(quarter, 12), year]


def said_in_all(shelf: MemoryShelf, until: int | None) -> Counter[Moment]:
    found = Counter[Moment]()
    for ref, (_, body) in shelf.bodies.items():
        if ref.kind == BUYERS.name:
            entries = decode_fact(ref.kind, body).state.entries
            told = Records(e for e in entries if until is None or e[0] <= until).listed()
            found.update(BUYERS.moments_in(periods(), told, COMPANY, passes=lambda _: True))
    return found


def said_of(
    shelf: MemoryShelf, filters: Mapping[str, Sequence[str]], until: int | None
) -> Counter[Moment]:
    telling, passes = Telling(BUYERS, filters), passing(filters)
    found = Counter[Moment]()
    for ref, (_, body) in shelf.bodies.items():
        if ref.kind == BUYERS.name:
            told = telling.records(body, until=until)
            found.update(BUYERS.moments_in(periods(), told, COMPANY, passes=passes))
    return Counter({moment: n for moment, n in found.items() if passes(moment.cut)})


def names(cut: Cut, dimension: str) -> list[str]:
    member = cut[NUMBERS[dimension] - 1]
    return [member] if isinstance(member, str) else [name for name, _ in member or ()]


def is_of(cut: Cut, filters: Mapping[str, Sequence[str]]) -> bool:
    return all(set(names(cut, one)) & set(wanted) for one, wanted in filters.items())
