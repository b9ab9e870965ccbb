"""A project as a row tells it, and the history that it means."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from chassis.types import Code, Day, Id, Instant, Note, StrictModel, Text
from events import Dimensions, uuid7
from ops.api.fields import MoneyBody
from ops.api.tasks import DependencyCode, Effort, Weight
from ops.domain.history import ProjectHistory
from ops.domain.schedule import MAX_TASKS, ProgressBasis, Schedule
from ops.domain.task import Dependency, DependencyKind, Task
from ops.errors.projects import (
    OccurredInFuture,
)
from ops.errors.tasks import (
    DependencyUnknown,
    TaskRepeated,
)


class ImportedDependency(StrictModel):
    """`task` is another task of the row: its external_ref, or its title if it has none."""

    task: Text
    kind: DependencyCode = "FS"


class ImportedTask(StrictModel):
    """A task. In a delivered project, one without times counts as done at the delivery."""

    title: Text
    external_ref: Id | None = None
    planned_start_on: Day | None = None
    planned_end_on: Day | None = None
    effort_minutes: Effort | None = None
    weight: Weight = 1
    started_at: Instant | None = None
    finished_at: Instant | None = None
    depends_on: Annotated[list[ImportedDependency], Field(max_length=MAX_TASKS)] = Field(
        default_factory=list
    )

    @property
    def name(self) -> str:
        """How the row's other tasks and later imports refer to it."""
        return self.external_ref or self.title


class ImportedBaseline(StrictModel):
    """What was frozen at the start, where it differs from today's plan."""

    due_on: Day
    budget: MoneyBody | None = None


class ImportedProject(StrictModel):
    """One row: the plan, and how far it has come. Its instants need history:write.

    What must have happened before a told step, but is not told, counts as having
    happened with it: a project that was closed was evaluated and monitored, and
    one that was worked on was started when it was created.
    """

    external_ref: Id
    name: Text
    owner_id: Id | None = None
    customer_id: Id | None = None
    team: Code | None = None
    region: Code | None = None
    product: Code | None = None
    start_on: Day | None = None
    due_on: Day | None = None
    budget: MoneyBody | None = None
    progress_by: ProgressBasis = "weight"
    created_at: Instant | None = None
    started_at: Instant | None = None
    baseline: ImportedBaseline | None = None
    monitored_at: Instant | None = None
    completed_at: Instant | None = None
    accepted_first_time: bool | None = None
    evaluated_at: Instant | None = None
    closed_at: Instant | None = None
    evaluation: Note | None = None
    cancelled_at: Instant | None = None
    cancel_reason: Text | None = None
    tasks: Annotated[list[ImportedTask], Field(max_length=MAX_TASKS)] = Field(default_factory=list)


def instants_of(row: ImportedProject) -> Iterator[tuple[str, datetime]]:
    """Everything that the row says about when something happened, with the field's name."""
    for name in _INSTANTS:
        at = getattr(row, name)
        if at is not None:
            yield name, at
    for place, task in enumerate(row.tasks):
        for name in ("started_at", "finished_at"):
            at = getattr(task, name)
            if at is not None:
                yield f"tasks.{place}.{name}", at


def history_of(
    row: ImportedProject, *, dimensions: Dimensions, known: Schedule, now: datetime
) -> ProjectHistory:
    """The history that the row means. Raises OccurredInFuture, TaskRepeated, DependencyUnknown."""
    told = dict(instants_of(row))
    for name, at in told.items():
        if at > now:
            raise OccurredInFuture(name)
    created_at = row.created_at or min(told.values(), default=now)
    evaluated_at = row.evaluated_at or row.closed_at
    return ProjectHistory(
        details=_details(row, dimensions),
        created_at=created_at,
        started_at=row.started_at or (created_at if _was_worked_on(row) else None),
        baseline_due_on=row.baseline.due_on if row.baseline else None,
        baseline_budget=row.baseline.budget.money()
        if row.baseline and row.baseline.budget
        else None,
        monitored_at=row.monitored_at or (evaluated_at and (row.completed_at or evaluated_at)),
        completed_at=row.completed_at,
        accepted_first_time=row.accepted_first_time,
        evaluated_at=evaluated_at,
        closed_at=row.closed_at,
        evaluation=row.evaluation,
        cancelled_at=row.cancelled_at,
        cancel_reason=row.cancel_reason or "not told",
        tasks=tuple(_tasks(row, known)),
    )


def _was_worked_on(row: ImportedProject) -> bool:
    steps = (row.monitored_at, row.completed_at, row.evaluated_at, row.closed_at)
    tasks = any(task.started_at or task.finished_at for task in row.tasks)
    return tasks or row.baseline is not None or any(step is not None for step in steps)


def _details(row: ImportedProject, dimensions: Dimensions) -> dict[str, Any]:
    same = ("external_ref", "name", "owner_id", "customer_id", "start_on", "due_on", "progress_by")
    return {
        **{name: getattr(row, name) for name in same},
        "budget": row.budget.money() if row.budget else None,
        "dimensions": dimensions,
    }


def _tasks(row: ImportedProject, known: Schedule) -> Iterator[Task]:
    ids = {task.external_ref or task.title: task.id for task in known.tasks.values()}
    names = [task.name for task in row.tasks]
    for name in names:
        if names.count(name) > 1:
            raise TaskRepeated(name)
        ids.setdefault(name, uuid7())
    for task in row.tasks:
        finished_at = task.finished_at or row.completed_at
        yield Task(
            id=ids[task.name],
            title=task.title,
            external_ref=task.external_ref,
            planned_start_on=task.planned_start_on,
            planned_end_on=task.planned_end_on,
            effort_minutes=task.effort_minutes,
            weight=task.weight,
            started_at=task.started_at or finished_at,
            finished_at=finished_at,
            depends_on=tuple(_dependencies(task, ids)),
        )


def _dependencies(task: ImportedTask, ids: dict[str, str]) -> Iterator[Dependency]:
    for awaited in task.depends_on:
        if awaited.task not in ids:
            raise DependencyUnknown(task.title, repr(awaited.task))
        yield Dependency(task_id=ids[awaited.task], kind=DependencyKind(awaited.kind))


_INSTANTS = tuple(name for name in ImportedProject.model_fields if name.endswith("_at"))
