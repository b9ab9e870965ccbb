"""Periods: labels, edges and working days."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.engine.calendar import (
    Grain,
    parse_period,
    period_after,
    period_of,
    periods_between,
    working_days,
    year_before,
)
from metrics.engine.company import Company, date_of, day_number

DAYS = st.dates(date(1900, 1, 1), date(2200, 12, 31))


@given(DAYS, st.sampled_from(list(Grain)))
def test_a_label_names_its_period(on: date, grain: Grain) -> None:
    period = period_of(day_number(on), grain)
    assert period.start <= day_number(on) < period.end
    assert parse_period(period.label) == period


@given(DAYS, st.sampled_from(list(Grain)), st.integers(1, 12))
def test_a_label_names_its_period_whenever_years_begin(on: date, grain: Grain, month: int) -> None:
    period = period_of(day_number(on), grain, month)
    assert period.start <= day_number(on) < period.end
    assert parse_period(period.label, month) == period
    assert year_before(period).label <= period.label
    assert period_after(period_after(period, 1), -1) == period


@given(st.integers(1901, 2199), st.integers(1, 12))
def test_a_fiscal_year_is_named_after_its_last_day(number: int, month: int) -> None:
    year = parse_period(str(number), month)
    first, last = date_of(year.start), date_of(year.end - 1)
    assert (first.month, first.day, last.year) == (month, 1, number)
    quarters = list(periods_between(year.start, year.end, Grain.QUARTER, first_month=month))
    assert [quarter.label for quarter in quarters] == [f"{number}-Q{n}" for n in (1, 2, 3, 4)]
    assert [date_of(quarter.start).month for quarter in quarters] == [
        (month - 1 + skipped) % 12 + 1 for skipped in (0, 3, 6, 9)
    ]
    assert (quarters[0].start, quarters[-1].end) == (year.start, year.end)


@given(DAYS, st.integers(1, 500), st.sampled_from(list(Grain)), st.integers(1, 12))
def test_periods_follow_each_other_without_gap(
    on: date, length: int, grain: Grain, month: int
) -> None:
    start = day_number(on)
    periods = list(periods_between(start, start + length, grain, first_month=month))
    assert periods[0].start <= start
    assert periods[-1].end >= start + length
    for one, following in pairwise(periods):
        assert one.end == following.start


@given(DAYS, st.integers(0, 900))
def test_working_days_are_mondays_to_fridays(on: date, length: int) -> None:
    days = [on + timedelta(days=n) for n in range(length)]
    start = day_number(on)
    assert working_days(start, start + length) == sum(day.weekday() < 5 for day in days)


@pytest.mark.parametrize(
    "label", ["2017-Q5", "2017-13", "2017-W54", "2017-02-29", "17", "", "0000"]
)
def test_what_is_no_period_is_refused(label: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the calendar's own words vary
        parse_period(label)


@given(DAYS, st.sampled_from(["Asia/Shanghai", "America/New_York", "Pacific/Apia", "UTC"]))
def test_a_day_begins_where_the_one_before_ends(on: date, zone: str) -> None:
    company = Company(time_zone=zone, base_currency="USD")
    midnight = company.start_of(day_number(on))
    assert date_of(company.day(midnight)) == on or zone == "Pacific/Apia"  # it skipped a day once
    assert company.day(midnight - 1) < company.day(midnight)
