"""Projects: due on a day, finished or not, with a budget that falls due over time.

The first baseline says when a project is due and what it may cost; plans made
later are no excuse. A project without a baseline is still being planned and
counts nowhere.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from events.money import Money
from events.types import UNKNOWN
from events.types.ops import Baseline, ProjectBaselined, ProjectCompleted, ProjectState
from events.types.process import DefectReported
from metrics.engine.calendar import month_ends
from metrics.engine.company import Company, day_number, micros_of
from metrics.engine.dimension import Cut, cut_of
from metrics.engine.entry import Entry
from metrics.engine.moment import Moment, MomentKind

PROJECT_DIMENSIONS: Final = ("owner", "team", "segment", "sector", "project")

PROJECT_DUE: Final = MomentKind(
    name="project.due", cube="project", dimensions=PROJECT_DIMENSIONS, events=(ProjectBaselined,)
)
PROJECT_ON_TIME: Final = MomentKind(
    name="project.on_time",
    cube="project",
    dimensions=PROJECT_DIMENSIONS,
    events=(ProjectCompleted,),
)
"""On the day that it was due, whenever before that it was finished."""
PROJECT_BUDGET: Final = MomentKind(
    name="project.budget",
    cube="project.budget",
    dimensions=("project",),
    events=(ProjectBaselined,),
)

Instalments = tuple[tuple[int, int | None], ...]
"""Parts of a budget by the day that they are planned to be spent by, in base minor units."""


class Project(msgspec.Struct, frozen=True, array_like=True):
    """A project as far as KPIs need it. Instants are microseconds, days are day numbers."""

    key: str = ""
    due: int | None = None
    budget: Instalments | None = None
    created: int = 0
    completed: int | None = None
    cancelled: int | None = None
    cuts: tuple[tuple[int, Cut], ...] = ()
    """From which instant on which cut was in force."""
    clock: int = -(2**62)
    """The latest instant said by an event: the next change is no earlier."""


class ProjectKind:
    """See `FactKind`."""

    name = "project"
    empty = Project()

    def says(self, kind: MomentKind) -> bool:
        return kind in (PROJECT_DUE, PROJECT_ON_TIME, PROJECT_BUDGET)

    def apply(self, state: Project, entry: Entry, /, *, key: str, company: Company) -> Project:
        data: Any = entry.data
        if isinstance(data, DefectReported):
            return state
        project: ProjectState = data.project
        clock = max(entry.occurred, state.clock)
        completed, cancelled = project.completed_at, project.cancelled_at
        return Project(
            key,
            state.due if state.due is not None else _first_due(project),
            state.budget or _first_budget(project, entry, company),
            micros_of(project.created_at),
            None if completed is None else micros_of(completed),
            None if cancelled is None else micros_of(cancelled),
            _cuts(state.cuts, project, at=clock),
            clock,
        )

    def moments(self, state: Project, company: Company, /) -> list[Moment]:
        said = [
            Moment(PROJECT_BUDGET, day, cut_of(project=state.key), 1, base)
            for day, base in state.budget or ()
        ]
        if state.due is None or _cancelled_in_time(state, company):
            return said
        cut = _cut_on(state, state.due, company)
        said.append(Moment(PROJECT_DUE, state.due, cut))
        if state.completed is not None and company.day(state.completed) <= state.due:
            said.append(Moment(PROJECT_ON_TIME, state.due, cut))
        return said

    def problems(self, state: Project, /) -> tuple[str, ...]:
        early = state.completed is not None and state.completed < state.created
        return ("completed_before_created",) if early else ()


def _cancelled_in_time(state: Project, company: Company) -> bool:
    """Cancelled by the due day and not finished before: then it was never late."""
    return (
        state.cancelled is not None
        and state.completed is None
        and state.due is not None
        and company.day(state.cancelled) <= state.due
    )


def _cuts(
    cuts: tuple[tuple[int, Cut], ...], project: ProjectState, *, at: int
) -> tuple[tuple[int, Cut], ...]:
    dimensions = project.dimensions
    cut = cut_of(
        owner=project.owner_id or UNKNOWN,
        team=dimensions.team or UNKNOWN,
        segment=dimensions.segment or UNKNOWN,
        sector=dimensions.sector or UNKNOWN,
        project=project.project_id,
    )
    if not cuts:
        return ((at, cut),)
    return cuts if cuts[-1][1] == cut else (*cuts, (at, cut))


def _cut_on(state: Project, day: int, company: Company) -> Cut:
    """The cut in force at the end of a day."""
    found = state.cuts[0][1]
    for since, cut in state.cuts[1:]:
        if company.day(since) > day:
            break
        found = cut
    return found


def _first_due(project: ProjectState) -> int | None:
    return day_number(project.baselines[0].due_on) if project.baselines else None


def _first_budget(project: ProjectState, entry: Entry, company: Company) -> Instalments | None:
    start = company.day(entry.occurred)
    for baseline in project.baselines:
        if baseline.budget is not None:
            return _instalments(baseline, baseline.budget, start=start, company=company)
    return None


def _instalments(baseline: Baseline, budget: Money, *, start: int, company: Company) -> Instalments:
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
