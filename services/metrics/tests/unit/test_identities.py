"""What must hold between values whatever the history (numbers as in tests/README.md)."""

from __future__ import annotations

from datetime import date
from typing import cast
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kpi_histories import History, plain
from kpi_oracles import Books
from kpi_stories import NEW_YORK, read
from memory_shelf import folded

from events.types.partner import EventVoided
from metrics.engine.kpi import Amount, Ratio
from metrics.kpis import CATALOGUE

HISTORIES = st.builds(History, st.integers(0, 2**40), facts=st.integers(1, 40))
SUMMING = {
    kpi.id: [name for name in kpi.dimensions if name not in getattr(kpi, "variants", ())]
    for kpi in CATALOGUE
    if isinstance(kpi, Amount | Ratio)
    and not any(measure.kind.scoped for measure in kpi.measures())
}
"""All but targets and distinct counts, by the dimensions that divide what the total is made of."""


@pytest.mark.parametrize("kpi", SUMMING)
@settings(max_examples=5)
@given(st.integers(0, 2**40))
def test_1_members_sum_to_the_total(kpi: str, seed: int) -> None:
    shelf = folded([History(seed, facts=40).events], NEW_YORK)
    totals = read(shelf, kpi, "quarter")
    for dimension in SUMMING[kpi]:
        rows = read(shelf, kpi, "quarter", by=dimension)
        for total in totals:
            members = [row for row in rows if row.period == total.period]
            for part in ("numerator", "denominator", "n", "unpriced_count"):
                whole = sum(getattr(row, part) or 0 for row in members)
                assert whole == pytest.approx(getattr(total, part) or 0, abs=1e-9)


ADDED_UP = [
    ("revenue_net", "day", "week"),
    ("revenue_net", "day", "month"),
    ("revenue_net", "month", "quarter"),
    ("deals_lost", "month", "year"),
    ("operating_cost", "month", "year"),
    ("time_saved", "month", "quarter"),
]


@settings(max_examples=15)
@given(HISTORIES)
def test_2_days_sum_to_weeks_months_and_quarters(history: History) -> None:
    shelf = folded([history.events], NEW_YORK)
    year, whole_weeks = ((date(2024, 1, 1), end) for end in (date(2025, 1, 1), date(2024, 12, 30)))
    for kpi, fine, coarse in ADDED_UP:
        span = whole_weeks if coarse == "week" else year
        parts, wholes = (read(shelf, kpi, grain, span=span) for grain in (fine, coarse))
        for whole in wholes:
            inside = [
                row.value or 0
                for row in parts
                if whole.period.start <= row.period.start < whole.period.end
            ]
            assert sum(inside) == pytest.approx(whole.value, abs=1e-9)


@settings(max_examples=15)
@given(HISTORIES)
def test_2_a_stock_is_that_of_the_last_day(history: History) -> None:
    shelf = folded([history.events], NEW_YORK)
    last_day = {row.period.end: row for row in read(shelf, "pipeline_open", "day")}
    for month in read(shelf, "pipeline_open", "month"):
        day = last_day[month.period.end]
        assert (month.value, month.n) == (day.value, day.n)


@settings(max_examples=30)
@given(HISTORIES)
def test_3_a_ratio_lies_between_those_of_its_disjoint_members(history: History) -> None:
    shelf = folded([history.events], NEW_YORK)
    for kpi in ("win_rate", "lead_conversion", "project_on_time"):
        [total] = read(shelf, kpi, "year")
        values = [r.value for r in read(shelf, kpi, "year", by="team") if r.value is not None]
        if total.value is None:
            assert not values
        else:
            assert min(values) - 1e-12 <= total.value <= max(values) + 1e-12
            assert 0 <= total.value <= 1


@settings(max_examples=15)
@given(HISTORIES)
def test_5_shares_of_the_whole_company_lie_between_nothing_and_all(history: History) -> None:
    shelf = folded([history.events], NEW_YORK)
    for kpi in CATALOGUE:
        if isinstance(kpi, Ratio) and kpi.rate and not kpi.every_day:
            values = [row.value for row in read(shelf, kpi.id, "quarter")]
            assert all(value is None or 0 <= value <= kpi.times for value in values), kpi.id


@settings(max_examples=15)
@given(HISTORIES, st.sampled_from(["month", "quarter"]))
def test_6_open_and_created_are_decided_or_open_still(history: History, grain: str) -> None:
    shelf = folded([history.events], NEW_YORK)
    span = (date(2024, 1, 1), date(2026, 1, 1))
    told = [read(shelf, kpi, grain, span=span) for kpi in ("decision_rate", "win_rate")]
    stock = read(shelf, "pipeline_open", grain, span=span)
    for came, decided, still in zip(*told, stock, strict=True):
        assert came.denominator == (decided.denominator or 0) + still.n
    decided_in_all = sum(row.denominator or 0 for row in told[1])
    deals = [
        stream[-1]["deal"]
        for stream in Books(plain(history.events), ZoneInfo("UTC"), "USD").streams("pipeline.deal.")
    ]
    kept = [deal for deal in deals if deal["status"] != "deleted"]
    assert still.n + decided_in_all == len(kept)


@settings(max_examples=15)
@given(HISTORIES)
def test_15_what_was_voided_never_happened(history: History) -> None:
    voids = [event for event in history.events if isinstance(event.data, EventVoided)]
    voided: set[str] = set()
    for void in sorted(voids, key=lambda event: event.sequence, reverse=True):
        if void.id not in voided:
            voided.add(cast(EventVoided, void.data).event_id)
    kept = [e for e in history.events if e not in voids and e.id not in voided]
    assert folded([history.events], NEW_YORK).cells == folded([kept], NEW_YORK).cells
