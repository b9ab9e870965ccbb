"""What a project has earned, and how long it has lasted, at the end of each day.

All are stocks: they change with reports of progress, and are frozen when the project is
completed (everything is earned then) or cancelled. Time is in minutes, so that a part of
a day can be earned.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from events.money import Money
from events.types.ops import ProjectBaselined, ProjectProgressReported
from metrics.engine.company import Company
from metrics.engine.dimension import Cut
from metrics.engine.moment import Moment, MomentKind
from metrics.facts.plan import MINUTES_OF_DAY, Plan

_DIMENSIONS: Final = ("team", "project")

PROJECT_EARNED: Final = MomentKind(
    name="project.earned",
    cube="project.earning",
    dimensions=_DIMENSIONS,
    stock=True,
    events=(ProjectBaselined, ProjectProgressReported),
)
"""The share of the budget whose work is done."""
PROJECT_SCHEDULE: Final = MomentKind(
    name="project.schedule",
    cube="project.earning",
    dimensions=_DIMENSIONS,
    stock=True,
    events=(ProjectBaselined, ProjectProgressReported),
)
"""After how many minutes of the plan that was planned to be done."""
PROJECT_RUNNING: Final = MomentKind(
    name="project.running",
    cube="project.earning",
    dimensions=_DIMENSIONS,
    stock=True,
    events=(ProjectBaselined,),
)
"""The minutes that each day adds: those of a day while the project runs."""
PROJECT_CLOCK: Final = MomentKind(
    name="project.clock",
    cube="project.earning",
    dimensions=_DIMENSIONS,
    stock=True,
    events=(ProjectBaselined,),
)
"""What makes `running`, elapsed, the minutes since the start; frozen, all of them."""


class Span(msgspec.Struct, frozen=True, array_like=True):
    """What was true of the project from an instant on."""

    since: int
    cut: Cut
    progress_bp: int
    earned: int | None
    """As reported, in the budget's currency."""


class _Stretch(msgspec.Struct, frozen=True):
    """What is true at the end of a day and of those after it."""

    day: int
    cut: Cut
    minor: int | None
    schedule: int
    running: int
    clock: int


def in_force(spans: Sequence[Span], day: int, company: Company) -> Span:
    """The span at the end of a day; before the first, that one."""
    found = spans[0]
    for span in spans[1:]:
        if company.day(span.since) > day:
            break
        found = span
    return found


def earning_moments(
    plan: Plan,
    spans: Sequence[Span],
    *,
    budget: Money | None,
    completed: int | None,
    cancelled: int | None,
    company: Company,
) -> list[Moment]:
    ended = cancelled if completed is None else completed
    end = None if ended is None else max(plan.start, company.day(ended))
    days = {plan.start, *(max(plan.start, company.day(span.since)) for span in spans)}
    stretches = [
        _stretch(plan, in_force(spans, day, company), day=day, budget=budget, company=company)
        for day in sorted(days)
        if end is None or day < end
    ]
    if end is not None:
        last = in_force(spans, end, company)
        if completed is not None:
            whole = None if budget is None else budget.amount_minor
            last = msgspec.structs.replace(last, progress_bp=10_000, earned=whole)
        frozen = _stretch(plan, last, day=end, budget=budget, company=company)
        lasted = (end + 1 - plan.start) * MINUTES_OF_DAY
        schedule = frozen.schedule if completed is None else plan.minutes
        stretches.append(
            msgspec.structs.replace(frozen, schedule=schedule, running=0, clock=lasted)
        )
    return _turns(stretches, valued=budget is not None)


def _stretch(
    plan: Plan, span: Span, *, day: int, budget: Money | None, company: Company
) -> _Stretch:
    minor = earned = None
    if budget is not None:
        earned = span.earned
        if earned is None:
            earned = budget.amount_minor * span.progress_bp // 10_000
        worth = msgspec.structs.replace(budget, amount_minor=earned)
        minor = worth.in_base_minor(company.base_currency)
    return _Stretch(
        day,
        span.cut,
        minor,
        plan.earned_minutes(earned=earned, progress_bp=span.progress_bp),
        MINUTES_OF_DAY,
        -plan.start * MINUTES_OF_DAY,
    )


def _turns(stretches: Sequence[_Stretch], *, valued: bool) -> list[Moment]:
    """Each stretch comes on its day, and goes when the next one comes."""
    said = []
    for place, stretch in enumerate(stretches):
        days = [stretch.day, *(after.day for after in stretches[place + 1 : place + 2])]
        for day, sign in zip(days, (1, -1), strict=False):
            if valued:
                said.append(Moment(PROJECT_EARNED, day, stretch.cut, sign, stretch.minor))
            said.append(Moment(PROJECT_SCHEDULE, day, stretch.cut, sign, stretch.schedule))
            said.append(Moment(PROJECT_RUNNING, day, stretch.cut, sign, stretch.running))
            said.append(Moment(PROJECT_CLOCK, day, stretch.cut, sign, stretch.clock))
    return said
