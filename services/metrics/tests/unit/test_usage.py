"""What must hold between the KPIs of usage whatever the history (oracles 4 and 8)."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kpi_histories import BASE, History
from memory_shelf import MemoryShelf, folded, sums_from_cells

from metrics.engine.calendar import Grain
from metrics.engine.company import Company, micros_of
from metrics.engine.reading import rows_of
from metrics.engine.row import Row
from metrics.engine.sums import Known
from metrics.engine.units import Number
from metrics.kpis import CATALOGUE
from metrics.query.question import Asked, read_question

NEW_YORK = Company(time_zone="America/New_York", base_currency=BASE)
KNOWN = Known(NEW_YORK, micros_of(datetime(2027, 1, 1, tzinfo=UTC)), complete=True)
SIZES = st.integers(1, 12)
HISTORIES = st.builds(History, st.integers(0, 2**40), facts=SIZES, of=st.just(["user"]))


def read(
    shelf: MemoryShelf, kpi: str, grain: Grain, *, age: int | None = None, or_later: bool = False
) -> list[Number | None]:
    start, end = date(2024, 3, 4), date(2024, 3, 18)
    if grain is Grain.MONTH:
        start, end = date(2024, 2, 1), date(2024, 6, 1)
    asked = Asked(grain=grain, start=start, end=end, age=age, or_later=or_later)
    question = read_question(kpi, asked, catalogue=CATALOGUE, company=NEW_YORK, today=0)
    sums = sums_from_cells(shelf.cells, question, KNOWN)
    rows = rows_of(question.kpi, sums, by=(), filtered=(), known=KNOWN)
    return [row.value for row in rows]


@settings(max_examples=30)
@given(HISTORIES)
def test_who_is_active_on_a_day_is_active_in_its_month(history: History) -> None:
    shelf = folded([history.events], NEW_YORK)
    daily, monthly, sticky = (read(shelf, k, Grain.DAY) for k in ("dau", "mau", "stickiness"))
    for on_day, in_month, share in zip(daily, monthly, sticky, strict=True):
        assert on_day is not None
        assert in_month is not None
        assert on_day <= in_month
        if share is None:
            assert in_month == 0
        else:
            assert share + 1e-12 >= 1 / 28
            assert share <= 1


@settings(max_examples=15)
@given(HISTORIES, st.sampled_from(["dau", "mau"]))
def test_4_no_member_has_more_than_all_and_all_no_more_than_the_members_together(
    history: History, kpi: str
) -> None:
    shelf = folded([history.events], NEW_YORK)
    totals = read(shelf, kpi, Grain.DAY)
    for dimension in CATALOGUE[kpi].dimensions:
        by_day: dict[int, list[Number]] = {}
        for row in rows_by(shelf, kpi, dimension):
            by_day.setdefault(row.period.start, []).append(row.value or 0)
        for total, (_, members) in zip(totals, sorted(by_day.items()), strict=False):
            assert max(members) <= (total or 0) <= sum(members)


@settings(max_examples=15)
@given(HISTORIES)
def test_stickiness_has_the_interval_of_a_share_of_its_users(history: History) -> None:
    """Wilson's formula written out: no mean of shares is less sure than one share of as many."""
    shelf = folded([history.events], NEW_YORK)
    for row in rows_by(shelf, "stickiness", "channel"):
        if row.value is None:
            assert row.interval is None
            continue
        p, n, z = float(row.value), float(row.n), 1.959963984540054
        middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
        reach = z / (1 + z**2 / n) * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
        assert row.interval == pytest.approx((max(0, middle - reach), min(1, middle + reach)))
        assert row.shrunken is None


def rows_by(shelf: MemoryShelf, kpi: str, dimension: str) -> list[Row]:
    asked = Asked(grain=Grain.DAY, start=date(2024, 3, 4), end=date(2024, 3, 18), by=[dimension])
    question = read_question(kpi, asked, catalogue=CATALOGUE, company=NEW_YORK, today=0)
    sums = sums_from_cells(shelf.cells, question, KNOWN)
    return list(rows_of(question.kpi, sums, by=question.by, filtered=(), known=KNOWN))


@settings(max_examples=20)
@given(HISTORIES, st.sampled_from([Grain.DAY, Grain.WEEK, Grain.MONTH]))
def test_retention_at_an_age_or_later_never_grows_and_bounds_that_at_the_age(
    history: History, grain: Grain
) -> None:
    shelf = folded([history.events], NEW_YORK)
    before = read(shelf, "user_retention", grain, age=0, or_later=True)
    assert set(before) <= {None, 1.0}
    for age in (1, 2, 5):
        at_age = read(shelf, "user_retention", grain, age=age)
        later = read(shelf, "user_retention", grain, age=age, or_later=True)
        for exactly, or_later, earlier in zip(at_age, later, before, strict=True):
            assert (exactly or 0) <= (or_later or 0) <= (earlier or 0)
        before = later
