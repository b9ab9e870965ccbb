"""Tasks of projects: each change is checked on the whole network, and moves the progress."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Response
from pydantic import Field, field_validator

from chassis.auth import require
from chassis.concurrency import ExpectedVersion, IfMatch, OptionalIfMatch, set_etag
from chassis.types import BasisPoints, Day, Id, StrictModel, Text
from chassis.work import Work, WorkDep
from events import uuid7
from ops.api.fields import Told, refuse_stale
from ops.domain.change import Change
from ops.domain.project import Project
from ops.domain.schedule import MAX_TASKS, Schedule
from ops.domain.task import DONE_BP, Dependency, DependencyKind, Task
from ops.store.projects import Projects
from ops.store.tasks import Replanned, Tasks

router = APIRouter(tags=["tasks"])

Effort = Annotated[int, Field(ge=0, le=10_000_000)]
Weight = Annotated[int, Field(ge=0, le=1_000_000)]
PartBp = Annotated[int, Field(ge=0, lt=DONE_BP)]


DependencyCode = Literal["FS", "SS", "FF", "SF"]


class DependencyBody(StrictModel):
    """FS, SS: starts after the other finished, started. FF, SF: the same for its finish."""

    task_id: Id
    kind: DependencyCode = "FS"


Awaited = Annotated[list[DependencyBody], Field(max_length=MAX_TASKS)]


class AddTask(Told):
    title: Text
    external_ref: Id | None = None
    planned_start_on: Day | None = None
    planned_end_on: Day | None = None
    effort_minutes: Effort | None = None
    weight: Weight = 1
    depends_on: Awaited = Field(default_factory=list)


class ChangeTask(Told):
    """Only the fields that are sent change; `progress_bp` is for a task that runs."""

    title: Text | None = None
    planned_start_on: Day | None = None
    planned_end_on: Day | None = None
    effort_minutes: Effort | None = None
    weight: Weight | None = None
    depends_on: Awaited | None = None
    progress_bp: PartBp | None = None

    @field_validator("title", "weight", "depends_on", "progress_bp", mode="before")
    @classmethod
    def _refuse_null(cls, value: Any) -> Any:
        if value is None:
            raise ValueError("cannot be taken away; leave it out to keep it")
        return value


class ReopenTask(Told):
    progress_bp: PartBp = 0


class TaskView(StrictModel):
    id: str
    project_id: str
    version: int
    title: str
    external_ref: str | None
    planned_start_on: date | None
    planned_end_on: date | None
    effort_minutes: int | None
    weight: int
    progress_bp: BasisPoints
    started_at: datetime | None
    finished_at: datetime | None
    depends_on: list[DependencyBody]

    @classmethod
    def of(cls, task: Task, *, project_id: str) -> TaskView:
        same = {name: getattr(task, name) for name in cls.model_fields if name not in _OWN}
        awaited = [
            DependencyBody(task_id=dependency.task_id, kind=dependency.kind.value)
            for dependency in task.depends_on
        ]
        return cls(**same, project_id=project_id, depends_on=awaited)


_OWN = frozenset({"project_id", "depends_on"})


class TaskList(StrictModel):
    """All tasks of a project, in an order in which each comes after those it waits for."""

    items: list[TaskView]


@router.get("/v1/projects/{project_id}/tasks", dependencies=[require("projects:read")])
async def list_tasks(project_id: Id, work: WorkDep) -> TaskList:
    project = await Projects(work).get(project_id)
    schedule = await Tasks(work).of(project)
    return TaskList(
        items=[TaskView.of(task, project_id=project.id) for task in schedule.in_order()]
    )


@router.post(
    "/v1/projects/{project_id}/tasks", status_code=201, dependencies=[require("projects:write")]
)
async def add_task(project_id: Id, body: AddTask, work: WorkDep, response: Response) -> TaskView:
    """Add a task to a project that is not delivered yet."""
    task = Task(
        id=uuid7(),
        title=body.title,
        external_ref=body.external_ref,
        planned_start_on=body.planned_start_on,
        planned_end_on=body.planned_end_on,
        effort_minutes=body.effort_minutes,
        weight=body.weight,
        depends_on=_dependencies(body.depends_on),
    )
    project = await Projects(work).lock(project_id)
    project.require_plannable()
    schedule = await Tasks(work).of(project)
    at = work.moment(body.occurred_at, not_before=project.changed_at)
    await _save(project, schedule, schedule.add(task), work=work, at=at)
    response.headers["Location"] = f"/v1/tasks/{task.id}"
    set_etag(response, task.version)
    return TaskView.of(task, project_id=project.id)


@router.get("/v1/tasks/{task_id}", dependencies=[require("projects:read")])
async def read_task(task_id: Id, work: WorkDep, response: Response) -> TaskView:
    tasks = Tasks(work)
    project = await Projects(work).get(await tasks.project_id_of(task_id))
    task = (await tasks.of(project)).get(task_id)
    set_etag(response, task.version)
    return TaskView.of(task, project_id=project.id)


@router.patch("/v1/tasks/{task_id}", dependencies=[require("projects:write")])
async def change_task(
    task_id: Id, body: ChangeTask, work: WorkDep, expected: IfMatch, response: Response
) -> TaskView:
    """Change title, plan, effort, weight, dependencies or progress."""
    sent = body.model_fields_set - {"occurred_at"}
    changes = {name: getattr(body, name) for name in sent - {"depends_on", "progress_bp"}}
    if body.depends_on is not None:
        changes["depends_on"] = _dependencies(body.depends_on)

    def change(project: Project, schedule: Schedule, _at: datetime) -> Schedule:
        project.require_plannable()
        if body.progress_bp is not None:
            project.require_running()
            return schedule.report(task_id, progress_bp=body.progress_bp, **changes)
        return schedule.change(task_id, **changes)

    return await _do(change, task_id, body, work=work, expected=expected, response=response)


@router.post("/v1/tasks/{task_id}/start", dependencies=[require("projects:write")])
async def start_task(
    task_id: Id,
    work: WorkDep,
    expected: OptionalIfMatch,
    response: Response,
    body: Told | None = None,
) -> TaskView:
    """Begin a task of a project that is executed, when what it waits for allows it."""

    def start(project: Project, schedule: Schedule, at: datetime) -> Schedule:
        project.require_running()
        return schedule.start(task_id, at=at)

    return await _do(
        start, task_id, body or Told(), work=work, expected=expected, response=response
    )


@router.post("/v1/tasks/{task_id}/finish", dependencies=[require("projects:write")])
async def finish_task(
    task_id: Id,
    work: WorkDep,
    expected: OptionalIfMatch,
    response: Response,
    body: Told | None = None,
) -> TaskView:
    """End a started task."""

    def finish(project: Project, schedule: Schedule, at: datetime) -> Schedule:
        project.require_running()
        return schedule.finish(task_id, at=at)

    return await _do(
        finish, task_id, body or Told(), work=work, expected=expected, response=response
    )


@router.post("/v1/tasks/{task_id}/reopen", dependencies=[require("projects:write")])
async def reopen_task(
    task_id: Id,
    work: WorkDep,
    expected: OptionalIfMatch,
    response: Response,
    body: ReopenTask | None = None,
) -> TaskView:
    """Take a finish back, unless another task relied on it."""
    told = body or ReopenTask()

    def reopen(project: Project, schedule: Schedule, _at: datetime) -> Schedule:
        project.require_running()
        return schedule.reopen(task_id, progress_bp=told.progress_bp)

    return await _do(reopen, task_id, told, work=work, expected=expected, response=response)


@router.delete("/v1/tasks/{task_id}", status_code=204, dependencies=[require("projects:write")])
async def remove_task(task_id: Id, work: WorkDep, expected: IfMatch) -> None:
    """Remove a task that nobody has begun and no other waits for."""
    project, schedule = await _locked(task_id, work=work, expected=expected)
    project.require_plannable()
    at = work.moment(None, not_before=project.changed_at)
    await _save(project, schedule, schedule.remove(task_id), work=work, at=at)


def _dependencies(awaited: list[DependencyBody]) -> tuple[Dependency, ...]:
    """Without repetitions, in the order given."""
    found = [Dependency(task_id=one.task_id, kind=DependencyKind(one.kind)) for one in awaited]
    return tuple(dict.fromkeys(found))


async def _locked(
    task_id: str, *, work: Work, expected: ExpectedVersion
) -> tuple[Project, Schedule]:
    """The task's project, which nobody else changes until the commit, and all of its tasks."""
    tasks = Tasks(work)
    project = await Projects(work).lock(await tasks.project_id_of(task_id))
    schedule = await tasks.of(project)
    task = schedule.get(task_id)
    await refuse_stale(
        work,
        expected,
        subject_id=task.id,
        actual=task.version,
        current=TaskView.of(task, project_id=project.id),
    )
    return project, schedule


async def _do(
    act: Callable[[Project, Schedule, datetime], Schedule],
    task_id: str,
    told: Told,
    *,
    work: Work,
    expected: ExpectedVersion,
    response: Response,
) -> TaskView:
    project, before = await _locked(task_id, work=work, expected=expected)
    at = work.moment(told.occurred_at, not_before=project.changed_at)
    after = act(project, before, at)
    await _save(project, before, after, work=work, at=at)
    task = after.get(task_id)
    set_etag(response, task.version)
    return TaskView.of(task, project_id=project.id)


async def _save(
    project: Project, before: Schedule, after: Schedule, *, work: Work, at: datetime
) -> None:
    """Write the tasks that changed, and the project's progress where it moved."""
    await Tasks(work).save(Replanned(project=project, before=before, after=after, at=at))
    reported, event = project.report_progress(after, at=at)
    if event is None:
        await Projects(work).note(project.noted(at=at))
    else:
        await Projects(work).save(Change(before=project, after=reported, at=at, data=event))
