"""Comparing periods that are equal by the calendar, whatever their lengths in days.

A month stands against a month, an ISO week against an ISO week. A period that is still
running stands against the same part of the other one: as many days as have begun.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from metrics.engine.calendar import Period, period_after, year_before
from metrics.engine.row import Row
from metrics.engine.sums import Known, Members
from metrics.engine.units import Number
from metrics.query.answer import Answer
from metrics.query.question import Question
from metrics.query.source import Source


class Against(StrEnum):
    """What a period is compared with."""

    PREVIOUS = "previous"
    YEAR_BEFORE = "year_before"


@dataclass(frozen=True, kw_only=True)
class Change:
    """From the value of another period. `relative` is to its size; None where that is 0."""

    value: Number | None
    absolute: Number | None
    relative: float | None


NO_CHANGE: Final = Change(value=None, absolute=None, relative=None)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The other periods, by the periods asked for, and their rows."""

    periods: Mapping[Period, Period]
    rows: Mapping[tuple[Period, Members], Row]

    def change(self, row: Row) -> Change:
        other = self.rows.get((self.periods[row.period], row.members))
        before = None if other is None else other.value
        if row.value is None or before is None:
            return Change(value=before, absolute=None, relative=None)
        change = row.value - before
        return Change(
            value=before, absolute=change, relative=change / abs(before) if before else None
        )


async def compare(
    source: Source,
    answered: Answer,
    against: Against,
    *,
    read: Callable[[Source, Question], Awaitable[Answer]],
) -> Comparison:
    """The rows that those of an answer are compared with, read in the same way."""
    known = answered.known
    periods = {
        period: _same_part(_other(period, against), period, known)
        for period in answered.question.periods
    }
    others = tuple(dict.fromkeys(periods.values()))
    answer = await read(source, replace(answered.question, periods=others))
    rows = {(row.period, row.members): row for row in answer.rows}
    return Comparison(periods=periods, rows=rows)


def _other(period: Period, against: Against) -> Period:
    if against is Against.PREVIOUS:
        return period_after(period, -1)
    return year_before(period)


def _same_part(other: Period, period: Period, known: Known) -> Period:
    if known.day is None or not period.start <= known.day < period.end - 1:
        return other
    begun = known.day + 1 - period.start
    return replace(other, end=min(other.end, other.start + begun))
