"""Rates to rank by, survival, working hours, and the same period a year before."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.engine.calendar import parse_period, year_before
from metrics.engine.intervals import wilson
from metrics.engine.shrinkage import shrunken
from metrics.engine.survival import median_of, survival
from metrics.engine.working_hours import USUAL, parse_working_hours

LONG_AFTER = datetime.fromisoformat("9000-01-01")
COUNTED = st.integers(1, 500).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of)))


@given(st.lists(COUNTED, min_size=2, max_size=12))
def test_a_shrunken_rate_lies_between_its_own_and_the_common_one(
    counted: list[tuple[int, int]],
) -> None:
    common = sum(won for won, _ in counted) / sum(of for _, of in counted)
    for (won, of), rate in zip(counted, shrunken(counted), strict=True):
        low, high = sorted([won / of, common])
        assert low - 1e-9 <= rate <= high + 1e-9


def test_few_cases_are_drawn_further_than_many() -> None:
    few, many, *_ = shrunken([(2, 30), (20, 300), (100, 300), (90, 300), (60, 300)])
    assert 2 / 30 < many < few < 270 / 1_230


def test_where_members_do_not_differ_all_have_the_common_rate() -> None:
    assert shrunken([(3, 10), (30, 100), (6, 20)]) == pytest.approx([0.3, 0.3, 0.3])


@given(st.integers(1, 1_000))
def test_the_interval_of_none_begins_at_zero_and_that_of_all_ends_at_one(trials: int) -> None:
    of_none, of_all = wilson(0, trials), wilson(trials, trials)
    assert of_none is not None
    assert of_all is not None
    assert (of_none[0], of_all[1]) == (0, 1)
    assert of_none[1] == pytest.approx(1 - of_all[0])


def test_survival_by_hand() -> None:
    """Ended after 2, 4, 4 and 9 days; going on since 3 and since 9."""
    steps = survival({2: 1, 4: 2, 9: 1}, {3: 1, 9: 1})
    assert [(s.day, s.at_risk, s.ended) for s in steps] == [(2, 6, 1), (4, 4, 2), (9, 2, 1)]
    assert [s.share for s in steps] == pytest.approx([5 / 6, 5 / 12, 5 / 24])
    assert median_of(steps) == 4
    assert median_of(survival({1: 1}, {5: 3})) is None


@pytest.mark.parametrize(
    ("start", "end", "minutes"),
    [
        ("2024-03-08T17:30", "2024-03-11T09:15", 45),  # over a weekend on which clocks change
        ("2024-03-09T10:00", "2024-03-10T10:00", 0),
        ("2024-03-11T08:00", "2024-03-11T19:00", 9 * 60),
        ("2024-03-11T12:00", "2024-03-11T12:00:59.999999", 0),
        ("2024-03-12T12:00", "2024-03-11T12:00", 0),
    ],
)
def test_only_working_minutes_count(start: str, end: str, minutes: int) -> None:
    told = (datetime.fromisoformat(text) for text in (start, end))
    assert USUAL.minutes_between(*told) == minutes


@given(st.datetimes(max_value=LONG_AFTER), st.timedeltas(timedelta(0), timedelta(days=40)))
def test_working_minutes_add_up(start: datetime, length: timedelta) -> None:
    middle, end = start + length, start + 2 * length
    parts = USUAL.minutes_between(start, middle) + USUAL.minutes_between(middle, end)
    assert 0 <= USUAL.minutes_between(start, end) - parts <= 1


def test_a_week_can_begin_on_any_day() -> None:
    assert parse_working_hours("Sun-Thu 08:00-16:30").weekdays == (0, 1, 2, 3, 6)


@pytest.mark.parametrize(
    "text", ["9-18", "Mon-Fri 18:00-09:00", "Mo-Fr 09:00-18:00", "Mon-Fri 09:00-25:00"]
)
def test_other_hours_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"write .*Mon-Fri 09:00-18:00"):
        parse_working_hours(text)


@pytest.mark.parametrize(
    ("label", "before"),
    [
        ("2024", "2023"),
        ("2024-Q1", "2023-Q1"),
        ("2024-02", "2023-02"),
        ("2024-02-29", "2023-02-28"),
        ("2025-01-01", "2024-01-01"),
        ("2025-W01", "2024-W01"),
        ("2020-W53", "2019-W52"),
        ("2021-W52", "2020-W52"),
    ],
)
def test_a_period_a_year_before_bears_the_same_name(label: str, before: str) -> None:
    assert year_before(parse_period(label)).label == before
