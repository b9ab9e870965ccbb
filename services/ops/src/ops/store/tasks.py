"""Tasks in the database, always read and checked as the whole network of their project."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlmodel import col, select

from chassis.work import Work
from ops.domain.change import Change
from ops.domain.project import Project
from ops.domain.schedule import Schedule
from ops.domain.task import Dependency, DependencyKind, Task
from ops.errors.tasks import (
    TaskNotFound,
)
from ops.store.changes import record
from ops.store.rows import delete, visible, write
from ops.tables import ProjectRow, TaskRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Replanned:
    """The network of a project before and after a change."""

    project: Project
    before: Schedule
    after: Schedule
    at: datetime


class Tasks:
    """The tasks of projects that the actor of one unit of work may see."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def project_id_of(self, task_id: str) -> str:
        """Which project a task belongs to. Raises TaskNotFound."""
        found = await self._work.session.exec(
            select(TaskRow.project_id)
            .join(ProjectRow, col(ProjectRow.id) == col(TaskRow.project_id))
            .where(col(TaskRow.id) == task_id, visible(ProjectRow, self._work.actor))
        )
        project_id = found.one_or_none()
        if project_id is None:
            raise TaskNotFound(task_id)
        return project_id

    async def of(self, project: Project) -> Schedule:
        """The network of one project; lock the project first to change it."""
        networks = await self.of_all([project])
        return networks[project.id]

    async def of_all(self, projects: Iterable[Project]) -> dict[str, Schedule]:
        """The networks of several projects, by project id."""
        owners = {project.id: project for project in projects}
        tasks: dict[str, list[Task]] = {project_id: [] for project_id in owners}
        found = await self._work.session.exec(
            select(TaskRow)
            .where(col(TaskRow.project_id).in_(list(owners)))
            .order_by(col(TaskRow.id))
        )
        for row in found:
            tasks[row.project_id].append(task_of(row))
        return {
            project_id: Schedule.of(tasks[project_id], progress_by=owner.progress_by)
            for project_id, owner in owners.items()
        }

    async def save(self, *steps: Replanned) -> None:
        """What differs between the networks before and after, of one project or of many."""
        rows, gone, changes = [], [], []
        for step in steps:
            for task in step.after.tasks.values():
                known = step.before.tasks.get(task.id)
                if known != task:
                    rows.append(row_of(step.project.id, task))
                    changes.append(_change(known, task, step.at))
            for task_id, task in step.before.tasks.items():
                if task_id not in step.after.tasks:
                    gone.append(task_id)
                    changes.append(_removal(task, step.at))
        await write(self._work, TaskRow, rows)
        await delete(self._work, TaskRow, gone)
        await record(self._work, changes)


def _change(before: Task | None, after: Task, at: datetime) -> Change:
    return Change(
        before=before, after=after, at=at, act="task.added" if before is None else "task.changed"
    )


def _removal(task: Task, at: datetime) -> Change:
    return Change(
        before=task, after=replace(task, version=task.version + 1), at=at, act="task.removed"
    )


def task_of(row: TaskRow) -> Task:
    """The task that a row holds."""
    awaited = tuple(
        Dependency(task_id=pair["task_id"], kind=DependencyKind(pair["kind"]))
        for pair in row.depends_on
    )
    return Task(**{name: getattr(row, name) for name in _AS_THEY_ARE}, depends_on=awaited)


def row_of(project_id: str, task: Task) -> Mapping[str, Any]:
    """The columns of a task."""
    return {
        **{name: getattr(task, name) for name in _AS_THEY_ARE},
        "project_id": project_id,
        "depends_on": [
            {"task_id": awaited.task_id, "kind": awaited.kind.value} for awaited in task.depends_on
        ],
    }


_AS_THEY_ARE = (
    "id",
    "version",
    "external_ref",
    "title",
    "planned_start_on",
    "planned_end_on",
    "effort_minutes",
    "weight",
    "progress_bp",
    "started_at",
    "finished_at",
)
"""Fields of a task that are columns of the same name and type."""
