"""Projects: due on a day, finished or not, with a budget that falls due over time.

The first baseline says when a project is due and what it may cost; the latest one, when it
is due now. A project without a baseline is still being planned: only its completion counts.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from events.money import Money
from events.types import UNKNOWN
from events.types.ops import ProjectBaselined, ProjectCompleted, ProjectState
from events.types.process import DefectReported
from metrics.engine.company import DAY, Company, day_number, micros_of
from metrics.engine.dimension import Cut, cut_of
from metrics.engine.entry import Entry
from metrics.engine.fact import Ref
from metrics.engine.moment import Moment, MomentKind
from metrics.engine.routing import route
from metrics.facts.earning import (
    PROJECT_CLOCK,
    PROJECT_EARNED,
    PROJECT_RUNNING,
    PROJECT_SCHEDULE,
    Span,
    earning_moments,
    in_force,
)
from metrics.facts.plan import Instalments, Plan, instalments, plan_of

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
PROJECT_DUE_REPLANNED: Final = MomentKind(
    name="project.due_replanned",
    cube="project",
    dimensions=PROJECT_DIMENSIONS,
    events=(ProjectBaselined,),
)
"""On the due day of the latest baseline."""
PROJECT_ON_TIME_REPLANNED: Final = MomentKind(
    name="project.on_time_replanned",
    cube="project",
    dimensions=PROJECT_DIMENSIONS,
    events=(ProjectCompleted,),
)
PROJECT_COMPLETED: Final = MomentKind(
    name="project.completed",
    cube="project",
    dimensions=PROJECT_DIMENSIONS,
    events=(ProjectCompleted,),
)
PROJECT_ACCEPTED: Final = MomentKind(
    name="project.accepted",
    cube="project",
    dimensions=PROJECT_DIMENSIONS,
    events=(ProjectCompleted,),
)
"""On the day that it was completed: accepted at once, and nothing critical found for a while."""
PROJECT_BUDGET: Final = MomentKind(
    name="project.budget",
    cube="project.budget",
    dimensions=("project",),
    events=(ProjectBaselined,),
)

PROBATION_DAYS: Final = 30
"""A critical defect spoils a project when found less than so many times 24 hours after it."""

_KINDS: Final = (
    *(PROJECT_DUE, PROJECT_ON_TIME, PROJECT_DUE_REPLANNED, PROJECT_ON_TIME_REPLANNED),
    *(PROJECT_COMPLETED, PROJECT_ACCEPTED, PROJECT_BUDGET),
    *(PROJECT_EARNED, PROJECT_SCHEDULE, PROJECT_RUNNING, PROJECT_CLOCK),
)


class Project(msgspec.Struct, frozen=True, array_like=True):
    """A project as far as KPIs need it. Instants are microseconds, days are day numbers."""

    project_id: str = ""
    plan: Plan | None = None
    instalments: Instalments | None = None
    budget: Money | None = None
    """The first one that a baseline named."""
    created: int = 0
    completed: int | None = None
    cancelled: int | None = None
    accepted: bool = False
    spans: tuple[Span, ...] = ()
    critical: dict[str, int] = {}
    """When critical defects were found, by stream."""
    clock: int = -(2**62)
    """The latest instant said by an event: the next change is no earlier."""
    replanned_due: int = 0
    """By the latest baseline, if there is a plan."""


class ProjectKind:
    """See `FactKind`."""

    name = "project"
    empty = Project()

    def says(self, kind: MomentKind) -> bool:
        return kind in _KINDS

    def apply(self, state: Project, entry: Entry, /, *, key: str, company: Company) -> Project:
        data: Any = entry.data
        if isinstance(data, DefectReported):
            return _with_defect(state, entry, data, key=key)
        project: ProjectState = data.project
        clock = max(entry.occurred, state.clock)
        completed, cancelled = project.completed_at, project.cancelled_at
        state = _planned(state, project, start=company.day(entry.occurred), company=company)
        return msgspec.structs.replace(
            state,
            project_id=project.project_id,
            created=micros_of(project.created_at),
            completed=None if completed is None else micros_of(completed),
            cancelled=None if cancelled is None else micros_of(cancelled),
            accepted=project.accepted_first_time is True,
            spans=_spans(state.spans, project, at=clock),
            clock=clock,
        )

    def moments(self, state: Project, company: Company, /) -> list[Moment]:
        said = [
            Moment(PROJECT_BUDGET, day, cut_of(project=state.project_id), 1, base)
            for day, base in state.instalments or ()
        ]
        if not state.spans:
            return said
        said += _completion_moments(state, company)
        if state.plan is not None:
            said += _due_moments(state, state.plan, company)
            said += earning_moments(
                state.plan,
                state.spans,
                budget=state.budget,
                completed=state.completed,
                cancelled=state.cancelled,
                company=company,
            )
        return said

    def problems(self, state: Project, /) -> tuple[str, ...]:
        if not state.spans:
            return ("defect_without_project",) if state.critical else ()
        early = state.completed is not None and state.completed < state.created
        return ("completed_before_created",) if early else ()


def _with_defect(state: Project, entry: Entry, defect: DefectReported, *, key: str) -> Project:
    critical = {stream: at for stream, at in state.critical.items() if stream != entry.stream}
    if defect.severity == "critical" and route(defect, source=entry.source) == Ref("project", key):
        critical[entry.stream] = entry.occurred
    return msgspec.structs.replace(state, critical=critical)


def _planned(state: Project, project: ProjectState, *, start: int, company: Company) -> Project:
    """With the first baseline, the first budget and the latest due day, once there are some."""
    if project.baselines:
        due = day_number(project.baselines[-1].due_on)
        plan = state.plan or plan_of(project.baselines[0], start=start)
        state = msgspec.structs.replace(state, plan=plan, replanned_due=due)
    if state.budget is None:
        for baseline in project.baselines:
            budget = baseline.budget
            if budget is not None:
                parts = instalments(baseline, budget, start=start, company=company)
                return msgspec.structs.replace(state, budget=budget, instalments=parts)
    return state


def _completion_moments(state: Project, company: Company) -> list[Moment]:
    if state.completed is None:
        return []
    on = company.day(state.completed)
    cut = in_force(state.spans, on, company).cut
    said = [Moment(PROJECT_COMPLETED, on, cut)]
    until = state.completed + PROBATION_DAYS * DAY
    spoiled = any(state.completed <= found < until for found in state.critical.values())
    if state.accepted and not spoiled:
        said.append(Moment(PROJECT_ACCEPTED, on, cut))
    return said


def _due_moments(state: Project, plan: Plan, company: Company) -> list[Moment]:
    """That it was due, by the first baseline and by the latest, and was finished by then."""
    completed, cancelled = state.completed, state.cancelled
    said: list[Moment] = []
    for due, was_due, on_time in (
        (plan.due, PROJECT_DUE, PROJECT_ON_TIME),
        (state.replanned_due, PROJECT_DUE_REPLANNED, PROJECT_ON_TIME_REPLANNED),
    ):
        if cancelled is not None and completed is None and company.day(cancelled) <= due:
            continue  # given up in time: then it was never late
        cut = in_force(state.spans, due, company).cut
        said.append(Moment(was_due, due, cut))
        if completed is not None and company.day(completed) <= due:
            said.append(Moment(on_time, due, cut))
    return said


def _spans(spans: tuple[Span, ...], project: ProjectState, *, at: int) -> tuple[Span, ...]:
    new = Span(at, _cut_of(project), project.progress_bp, project.earned_value_minor)
    if spans and msgspec.structs.replace(new, since=spans[-1].since) == spans[-1]:
        return spans
    return (*spans, new)


def _cut_of(project: ProjectState) -> Cut:
    dimensions = project.dimensions
    return cut_of(
        owner=project.owner_id or UNKNOWN,
        team=dimensions.team or UNKNOWN,
        segment=dimensions.segment or UNKNOWN,
        sector=dimensions.sector or UNKNOWN,
        project=project.project_id,
    )
