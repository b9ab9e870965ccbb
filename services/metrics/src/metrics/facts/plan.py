"""Plans of projects: when the budget falls due, and how far the plan had come by when.

The first baseline is the plan; those made later are no excuse. It is in force from
the day on which it was made.
"""

from __future__ import annotations

from typing import Final

import msgspec

from events.money import Money
from events.types.ops import Baseline
from metrics.engine.calendar import month_ends
from metrics.engine.company import Company, day_number

MINUTES_OF_DAY: Final = 1_440

Instalments = tuple[tuple[int, int | None], ...]
"""Parts of a budget by the day that they are planned to be spent by, in base minor units."""


class Plan(msgspec.Struct, frozen=True, array_like=True):
    """The first baseline. `values` are cumulative at the end of a day, as booked."""

    start: int
    due: int
    budget: int | None
    values: tuple[tuple[int, int], ...]

    @property
    def minutes(self) -> int:
        """How long it takes, the start and the due day included."""
        return max(0, self.due + 1 - self.start) * MINUTES_OF_DAY

    def earned_minutes(self, *, earned: int | None, progress_bp: int) -> int:
        """The earned schedule: after how long it was planned to have earned this much.

        Interpolated between the planned values, else along a straight line to the due day.
        Without a budget the share of the work that is done is what was earned.
        (Lipke: Schedule is different, 2003.)
        """
        if not self.budget or earned is None:
            return self.minutes * progress_bp // 10_000
        if not self.values:
            return min(self.minutes, self.minutes * earned // self.budget)
        return min(self.minutes, self._reached(earned))

    def _reached(self, earned: int) -> int:
        since, worth = 0, 0
        for day, value in self._curve():
            until = max(0, day + 1 - self.start) * MINUTES_OF_DAY
            if value >= earned:
                if value <= worth or earned <= worth:
                    return since
                return since + (until - since) * (earned - worth) // (value - worth)
            since, worth = until, value
        return self.minutes

    def _curve(self) -> list[tuple[int, int]]:
        """The planned values; what they leave of the budget falls due at the end."""
        assert self.budget is not None
        last_day, last = self.values[-1]
        if last >= self.budget:
            return list(self.values)
        return [*self.values, (max(self.due, last_day), self.budget)]


def plan_of(baseline: Baseline, *, start: int) -> Plan:
    values = sorted((day_number(value.on), value.value_minor) for value in baseline.planned_values)
    budget = None if baseline.budget is None else baseline.budget.amount_minor
    return Plan(start, day_number(baseline.due_on), budget, tuple(values))


def instalments(baseline: Baseline, budget: Money, *, start: int, company: Company) -> Instalments:
    """When the budget is planned to be spent: by the planned values where there are some,
    else evenly over the days from the baseline to the due day, a part per month.
    """
    due = day_number(baseline.due_on)
    whole = budget.in_base_minor(company.base_currency)
    if whole is None:
        return ((due, None),)
    if not baseline.planned_values:
        return _evenly(whole, start, due)
    spent, parts = 0, []
    for planned in sorted(baseline.planned_values, key=lambda value: value.on):
        priced = msgspec.structs.replace(budget, amount_minor=planned.value_minor)
        until = priced.in_base_minor(company.base_currency) or 0
        parts.append((day_number(planned.on), until - spent))
        spent = until
    if spent != whole:
        parts.append((max(due, parts[-1][0]), whole - spent))
    return tuple(parts)


def _evenly(whole: int, start: int, due: int) -> Instalments:
    if start >= due:
        return ((due, whole),)
    spent, parts = 0, []
    for day in month_ends(start, due):
        until = whole * (day - start + 1) // (due - start + 1)
        parts.append((day, until - spent))
        spent = until
    return tuple(parts)
