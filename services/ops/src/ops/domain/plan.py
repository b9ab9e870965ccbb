"""The frozen plan of a project: what should have been earned by which day.

Invariant: planned values never fall, begin at 0 and end at the whole budget.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from events.money import Money
from events.types.ops import PlannedValue

MAX_POINTS: Final = 120
"""Points kept of a curve: every project event carries all baselines, and must stay small."""

_SCALE: Final = 10**9
"""Fixed-point scale of the parts of minor units that single tasks earn in a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkSlice:
    """A share of the work, planned evenly over the days `first_on` to `last_on`, both included."""

    first_on: date
    last_on: date
    share: int

    def days_until(self, day: date) -> int:
        """Planned days of the slice that are over at the end of `day`."""
        return min(max((day - self.first_on).days + 1, 0), self.days)

    @property
    def days(self) -> int:
        return (self.last_on - self.first_on).days + 1


def planned_values(budget: Money, work: Sequence[WorkSlice]) -> list[PlannedValue]:
    """Cumulative planned value at the end of each day on which the planned pace changes.

    Between two points the plan is a straight line, so readers may interpolate.
    Shares that are all 0 count equally.
    """
    if not work:
        return []
    total = sum(piece.share for piece in work)
    shares = [(piece, piece.share if total else 1) for piece in work]
    whole = total or len(work)
    day_before = timedelta(days=1)
    days = sorted(
        {piece.first_on - day_before for piece in work} | {piece.last_on for piece in work}
    )
    points = []
    for day in _thinned(days):
        earned = sum(
            budget.amount_minor * share * piece.days_until(day) * _SCALE // (whole * piece.days)
            for piece, share in shares
        )
        points.append(PlannedValue(on=day, value_minor=(earned + _SCALE // 2) // _SCALE))
    return points


def _thinned(days: list[date]) -> list[date]:
    """At most MAX_POINTS of the days, evenly chosen, with the first and the last."""
    if len(days) <= MAX_POINTS:
        return days
    step = (len(days) - 1) / (MAX_POINTS - 1)
    return [days[round(index * step)] for index in range(MAX_POINTS)]
