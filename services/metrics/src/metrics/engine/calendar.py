"""Periods of the company's calendar: half-open ranges of business days.

Weeks are ISO weeks. A period's end is the first day that is no longer in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache
from typing import Final

from metrics.engine.company import date_of, day_number


class Grain(StrEnum):
    """How long a period is."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"

    __hash__ = str.__hash__
    """That of an Enum is plain Python, and periods are looked up by the thousand."""

    @property
    def months(self) -> int | None:
        """Length in months; None for grains that are no multiple of a month."""
        return _MONTHS.get(self)

    @property
    def number(self) -> int:
        """Its place among the grains, the shortest first; kept in bins."""
        return _NUMBERS[self]


_MONTHS: Final = {Grain.MONTH: 1, Grain.QUARTER: 3, Grain.YEAR: 12}
_NUMBERS: Final = {grain: place for place, grain in enumerate(Grain)}


@dataclass(frozen=True, order=True)
class Period:
    """The business days from `start` until before `end`, as day numbers."""

    start: int
    end: int
    grain: Grain

    @property
    def label(self) -> str:
        """2017, 2017-Q1, 2017-03, 2017-W09 or 2017-03-05."""
        day = date_of(self.start)
        match self.grain:
            case Grain.YEAR:
                return f"{day.year:04}"
            case Grain.QUARTER:
                return f"{day.year:04}-Q{(day.month + 2) // 3}"
            case Grain.MONTH:
                return f"{day.year:04}-{day.month:02}"
            case Grain.WEEK:
                year, week, _ = day.isocalendar()
                return f"{year:04}-W{week:02}"
            case Grain.DAY:
                return day.isoformat()

    @property
    def working_days(self) -> int:
        """Mondays to Fridays."""
        return working_days(self.start, self.end)


def working_days(start: int, end: int) -> int:
    """Mondays to Fridays from `start` until before `end`."""
    weeks, rest = divmod(max(0, end - start), 7)
    weekday = date_of(start).weekday()
    return weeks * 5 + sum((weekday + offset) % 7 < 5 for offset in range(rest))


@lru_cache(maxsize=65_536)
def period_of(day: int, grain: Grain) -> Period:
    """The period of a grain that a day falls into."""
    on = date_of(day)
    match grain:
        case Grain.DAY:
            return Period(day, day + 1, grain)
        case Grain.WEEK:
            start = day - on.weekday()
            return Period(start, start + 7, grain)
        case Grain.MONTH:
            first = on.replace(day=1)
        case Grain.QUARTER:
            first = on.replace(month=(on.month - 1) // 3 * 3 + 1, day=1)
        case Grain.YEAR:
            first = on.replace(month=1, day=1)
    return Period(day_number(first), day_number(_months_after(first, grain.months or 0)), grain)


def periods_between(start: int, end: int, grain: Grain) -> Iterator[Period]:
    """The periods that overlap the days from `start` until before `end`."""
    day = start
    while day < end:
        period = period_of(day, grain)
        yield period
        day = period.end


def periods_since(start: int, day: int, grain: Grain) -> int:
    """How many periods of the grain after that of `start` a day falls."""
    if grain is Grain.DAY:
        return day - start
    own, other = period_of(start, grain).start, period_of(day, grain).start
    if grain is Grain.WEEK:
        return (other - own) // 7
    assert grain.months
    return (_month_number(other) - _month_number(own)) // grain.months


def period_after(period: Period, steps: int) -> Period:
    """The period so many steps later, or earlier."""
    grain = period.grain
    if grain.months is None:
        return period_of(period.start + steps * (period.end - period.start), grain)
    first = _months_after(date_of(period.start), steps * grain.months)
    return period_of(day_number(first), grain)


def months_before(period: Period, months: int) -> Period:
    """The period of the same length that began so many months earlier."""
    start, end = (
        day_number(_months_after(date_of(day), -months)) for day in (period.start, period.end)
    )
    return Period(start, end, period.grain)


def year_before(period: Period) -> Period:
    """The period of the same name a year earlier; a 53rd week's is the 52nd, a 29 February's
    the 28th, where that year has none.
    """
    grain, on = period.grain, date_of(period.start)
    if grain.months is not None:
        return period_after(period, -12 // grain.months)
    if grain is Grain.WEEK:
        year, week, _ = on.isocalendar()
        last = date(year - 1, 12, 28).isocalendar().week
        return period_of(day_number(date.fromisocalendar(year - 1, min(week, last), 1)), grain)
    day = 28 if (on.month, on.day) == (2, 29) else on.day
    return period_of(day_number(date(on.year - 1, on.month, day)), grain)


_LABELS: Final = (
    (re.compile(r"(\d{4})", re.ASCII), Grain.YEAR),
    (re.compile(r"(\d{4})-Q([1-4])", re.ASCII), Grain.QUARTER),
    (re.compile(r"(\d{4})-(0[1-9]|1[0-2])", re.ASCII), Grain.MONTH),
    (re.compile(r"(\d{4})-W(\d{2})", re.ASCII), Grain.WEEK),
    (re.compile(r"(\d{4})-(\d{2})-(\d{2})", re.ASCII), Grain.DAY),
)


def parse_period(label: str) -> Period:
    """The period of a label. Raises ValueError."""
    for pattern, grain in _LABELS:
        found = pattern.fullmatch(label)
        if found:
            return period_of(day_number(_first_day(grain, [int(g) for g in found.groups()])), grain)
    raise ValueError(f"{label} is no period; write 2026, 2026-Q3, 2026-09, 2026-W39 or 2026-09-30")


def _first_day(grain: Grain, numbers: list[int]) -> date:
    match grain:
        case Grain.YEAR:
            return date(numbers[0], 1, 1)
        case Grain.QUARTER:
            return date(numbers[0], numbers[1] * 3 - 2, 1)
        case Grain.MONTH:
            return date(numbers[0], numbers[1], 1)
        case Grain.WEEK:
            return date.fromisocalendar(numbers[0], numbers[1], 1)
        case Grain.DAY:
            return date(numbers[0], numbers[1], numbers[2])


def _months_after(first: date, months: int) -> date:
    place = first.year * 12 + first.month - 1 + months
    return date(place // 12, place % 12 + 1, 1)


@lru_cache(maxsize=65_536)
def _month_number(day: int) -> int:
    on = date_of(day)
    return on.year * 12 + on.month - 1


def first_of_month(day: int) -> int:
    return period_of(day, Grain.MONTH).start


def month_ends(start: int, end: int) -> Iterator[int]:
    """The last day of each month that overlaps the days from `start` to `end`, capped at `end`."""
    for period in periods_between(start, end + 1, Grain.MONTH):
        yield min(period.end - 1, end)
