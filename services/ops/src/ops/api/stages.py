"""The stages of a project: start, monitor, complete, evaluate, close; replan, cancel, reopen."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from fastapi import APIRouter, Response

from chassis.auth import require
from chassis.concurrency import ExpectedVersion, OptionalIfMatch, set_etag
from chassis.types import Id
from chassis.work import Work, WorkDep
from events.types import EventData
from ops.api.fields import Told, Zone, day_of, refuse_stale
from ops.api.project_views import (
    CompleteProject,
    EndProject,
    EvaluateProject,
    ProjectView,
    ReplanProject,
)
from ops.domain.change import Change
from ops.domain.project import Project
from ops.domain.schedule import Schedule
from ops.store.projects import Projects
from ops.store.tasks import Tasks

router = APIRouter(
    prefix="/v1/projects/{project_id}", tags=["projects"], dependencies=[require("projects:write")]
)

Act = Callable[[Project, Schedule, datetime], tuple[Project, EventData]]


@router.post("/start")
async def start_project(
    project_id: Id,
    work: WorkDep,
    expected: OptionalIfMatch,
    response: Response,
    zone: Zone,
    body: Told | None = None,
) -> ProjectView:
    """Begin to execute. Freezes due day, budget and planned value as the baseline."""

    def start(project: Project, schedule: Schedule, at: datetime) -> tuple[Project, EventData]:
        return project.start(schedule, at=at, on=day_of(at, zone))

    return await _do(
        start, project_id, body or Told(), work=work, expected=expected, response=response
    )


@router.post("/rebaseline")
async def rebaseline_project(
    project_id: Id,
    body: ReplanProject,
    work: WorkDep,
    expected: OptionalIfMatch,
    response: Response,
    zone: Zone,
) -> ProjectView:
    """Freeze the present plan as a further baseline; the first still decides what is on time."""

    def rebaseline(project: Project, schedule: Schedule, at: datetime) -> tuple[Project, EventData]:
        return project.rebaseline(schedule, at=at, on=day_of(at, zone))

    return await _do(
        rebaseline,
        project_id,
        body,
        work=work,
        expected=expected,
        response=response,
        note=body.reason,
    )


@router.post("/monitor")
async def monitor_project(
    project_id: Id,
    work: WorkDep,
    expected: OptionalIfMatch,
    response: Response,
    body: Told | None = None,
) -> ProjectView:
    """The work runs; from now on it is mainly watched."""

    def monitor(project: Project, _schedule: Schedule, at: datetime) -> tuple[Project, EventData]:
        return project.monitor(at=at)

    return await _do(
        monitor, project_id, body or Told(), work=work, expected=expected, response=response
    )


@router.post("/complete")
async def complete_project(
    project_id: Id,
    body: CompleteProject,
    work: WorkDep,
    expected: OptionalIfMatch,
    response: Response,
) -> ProjectView:
    """The work is delivered, and was accepted the first time or not. All tasks must be finished."""

    def complete(project: Project, schedule: Schedule, at: datetime) -> tuple[Project, EventData]:
        return project.complete(schedule, at=at, accepted_first_time=body.accepted_first_time)

    return await _do(complete, project_id, body, work=work, expected=expected, response=response)


@router.post("/evaluate")
async def evaluate_project(
    project_id: Id,
    work: WorkDep,
    expected: OptionalIfMatch,
    response: Response,
    body: EvaluateProject | None = None,
) -> ProjectView:
    """Look back on the delivered work; the evaluation may come now or with the closing."""
    told = body or EvaluateProject()

    def evaluate(project: Project, _schedule: Schedule, at: datetime) -> tuple[Project, EventData]:
        return project.evaluate(at=at, evaluation=told.evaluation)

    return await _do(evaluate, project_id, told, work=work, expected=expected, response=response)


@router.post("/close")
async def close_project(
    project_id: Id,
    work: WorkDep,
    expected: OptionalIfMatch,
    response: Response,
    body: EvaluateProject | None = None,
) -> ProjectView:
    """End an evaluated project. Without an evaluation, here or before, it stays open."""
    told = body or EvaluateProject()

    def close(project: Project, _schedule: Schedule, at: datetime) -> tuple[Project, EventData]:
        return project.close(at=at, evaluation=told.evaluation)

    return await _do(close, project_id, told, work=work, expected=expected, response=response)


@router.post("/cancel")
async def cancel_project(
    project_id: Id, body: EndProject, work: WorkDep, expected: OptionalIfMatch, response: Response
) -> ProjectView:
    """Give the project up before it is delivered."""

    def cancel(project: Project, _schedule: Schedule, at: datetime) -> tuple[Project, EventData]:
        return project.cancel(at=at)

    return await _do(
        cancel, project_id, body, work=work, expected=expected, response=response, note=body.reason
    )


@router.post("/reopen")
async def reopen_project(
    project_id: Id, body: EndProject, work: WorkDep, expected: OptionalIfMatch, response: Response
) -> ProjectView:
    """Take a delivery or a cancellation back: the project is executed, or planned, again."""

    def reopen(project: Project, schedule: Schedule, at: datetime) -> tuple[Project, EventData]:
        return project.reopen(schedule, at=at)

    return await _do(
        reopen, project_id, body, work=work, expected=expected, response=response, note=body.reason
    )


async def _do(
    act: Act,
    project_id: str,
    told: Told,
    *,
    work: Work,
    expected: ExpectedVersion,
    response: Response,
    note: str | None = None,
) -> ProjectView:
    """Lock, check the version, act, save. Nobody else changes project or tasks meanwhile."""
    projects = Projects(work)
    project = await projects.lock(project_id)
    await refuse_stale(
        work,
        expected,
        subject_id=project.id,
        actual=project.version,
        current=ProjectView.of(project),
    )
    at = work.moment(told.occurred_at, not_before=project.changed_at)
    after, event = act(project, await Tasks(work).of(project), at)
    await projects.save(Change(before=project, after=after, at=at, data=event, note=note))
    set_etag(response, after.version)
    return ProjectView.of(after)
