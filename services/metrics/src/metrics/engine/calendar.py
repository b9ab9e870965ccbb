"""Periods of the company's calendar: half-open ranges of business days.

Weeks are ISO weeks. A period's end is the first day that is no longer in it. Years and quarters
are the company's: they begin with `first_month`, and bear the year that they end in.
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
    first_month: int = 1
    """With which the company's year begins; of what is neither a year nor a quarter always 1."""

    @property
    def label(self) -> str:
        """2017, 2017-Q1, 2017-03, 2017-W09 or 2017-03-05."""
        day = date_of(self.start)
        match self.grain:
            case Grain.YEAR:
                day = _months_after(day, _into_next_year(self.first_month))
                return f"{day.year:04}"
            case Grain.QUARTER:
                day = _months_after(day, _into_next_year(self.first_month))
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
def period_of(day: int, grain: Grain, first_month: int = 1) -> Period:
    """The period of a grain that a day falls into.

    Whoever may mean a quarter or a year gives the company's `first_month`.
    """
    on = date_of(day)
    match grain:
        case Grain.DAY:
            return Period(day, day + 1, grain)
        case Grain.WEEK:
            start = day - on.weekday()
            return Period(start, start + 7, grain)
        case _:
            return _months_around(on, grain, first_month)


def _months_around(on: date, grain: Grain, first_month: int) -> Period:
    length = _MONTHS[grain]
    first = _months_after(on.replace(day=1), -((on.month - first_month) % length))
    end = _months_after(first, length)
    return Period(
        day_number(first), day_number(end), grain, 1 if grain is Grain.MONTH else first_month
    )


def is_of_calendar(period: Period) -> bool:
    """Whether it is a period of the company's calendar, and not only as long as one."""
    return period == period_of(period.start, period.grain, period.first_month)


def periods_between(
    start: int, end: int, grain: Grain, *, first_month: int = 1
) -> Iterator[Period]:
    """The periods that overlap the days from `start` until before `end`."""
    day = start
    while day < end:
        period = period_of(day, grain, first_month)
        yield period
        day = period.end


def periods_since(start: int, day: int, grain: Grain) -> int:
    """How many periods of the grain after the one that begins with `start` a day falls."""
    if grain.months is None:
        return (day - start) // (7 if grain is Grain.WEEK else 1)
    return (_month_number(day) - _month_number(start)) // grain.months


def period_after(period: Period, steps: int) -> Period:
    """The period so many steps later, or earlier."""
    grain = period.grain
    if grain.months is None:
        return period_of(period.start + steps * (period.end - period.start), grain)
    first = _months_after(date_of(period.start), steps * grain.months)
    return period_of(day_number(first), grain, period.first_month)


def months_before(period: Period, months: int) -> Period:
    """The period of the same length that began so many months earlier."""
    start, end = (
        day_number(_months_after(date_of(day), -months)) for day in (period.start, period.end)
    )
    return Period(start, end, period.grain, period.first_month)


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


def parse_period(label: str, first_month: int = 1) -> Period:
    """The period of a label, as the company's years begin. Raises ValueError."""
    for pattern, grain in _LABELS:
        found = pattern.fullmatch(label)
        if found:
            first = _first_day(grain, [int(g) for g in found.groups()], first_month)
            return period_of(day_number(first), grain, first_month)
    raise ValueError(f"{label} is no period; write 2026, 2026-Q3, 2026-09, 2026-W39 or 2026-09-30")


def _first_day(grain: Grain, numbers: list[int], first_month: int) -> date:
    match grain:
        case Grain.YEAR:
            return _months_after(date(numbers[0], 1, 1), -_into_next_year(first_month))
        case Grain.QUARTER:
            first = date(numbers[0], numbers[1] * 3 - 2, 1)
            return _months_after(first, -_into_next_year(first_month))
        case Grain.MONTH:
            return date(numbers[0], numbers[1], 1)
        case Grain.WEEK:
            return date.fromisocalendar(numbers[0], numbers[1], 1)
        case Grain.DAY:
            return date(numbers[0], numbers[1], numbers[2])


def _into_next_year(first_month: int) -> int:
    """By how many months a company's year begins before the calendar year that it ends in."""
    return (1 - first_month) % 12


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
