"""The tasks of one project as a network.

Invariants, checked after every change: no task waits for itself, directly or
through others; whatever has started or finished did so no earlier than what it
waits for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, Final, Literal

from ops.domain.plan import WorkSlice
from ops.domain.task import DONE_BP, Dependency, DependencyKind, Task
from ops.errors.tasks import (
    DependencyNotMet,
    DependencyUnknown,
    EffortMissing,
    TaskAlreadyFinished,
    TaskAlreadyStarted,
    TaskAwaited,
    TaskDependenciesCyclic,
    TaskNotFinished,
    TaskNotFound,
    TaskNotStarted,
    TooManyTasks,
)

MAX_TASKS: Final = 500
"""Tasks of one project: its network is checked whole at each change, in milliseconds."""

ProgressBasis = Literal["count", "effort", "weight"]


@dataclass(frozen=True, slots=True)
class Schedule:
    """All tasks of a project, and how their progress adds up to the project's."""

    tasks: Mapping[str, Task] = field(default_factory=lambda: MappingProxyType({}))
    progress_by: ProgressBasis = "weight"

    @classmethod
    def of(cls, tasks: Iterable[Task], *, progress_by: ProgressBasis) -> Schedule:
        """The network of these tasks, checked."""
        return cls(MappingProxyType({task.id: task for task in tasks}), progress_by).checked()

    def get(self, task_id: str) -> Task:
        """Raises TaskNotFound."""
        if task_id not in self.tasks:
            raise TaskNotFound(task_id)
        return self.tasks[task_id]

    def add(self, task: Task) -> Schedule:
        """With one more task."""
        return self._with(task)

    def change(self, task_id: str, **changes: Any) -> Schedule:
        """With other title, plan, effort, weight or dependencies of a task."""
        task = self.get(task_id)
        changed = replace(task, **changes)
        return self if changed == task else self._with(replace(changed, version=task.version + 1))

    def remove(self, task_id: str) -> Schedule:
        """Without the task. Raises TaskAwaited when another waits for it, TaskAlreadyStarted."""
        task = self.get(task_id)
        if task.started_at is not None:
            raise TaskAlreadyStarted(task.title)
        for other in self.tasks.values():
            if any(dependency.task_id == task_id for dependency in other.depends_on):
                raise TaskAwaited(task.title, by=other.title)
        left = {key: kept for key, kept in self.tasks.items() if key != task_id}
        return Schedule(MappingProxyType(left), self.progress_by)

    def start(self, task_id: str, *, at: datetime) -> Schedule:
        """Begin a task. Raises DependencyNotMet when what it waits for has not come."""
        task = self.get(task_id)
        if task.started_at is not None:
            raise TaskAlreadyStarted(task.title)
        return self._with(replace(task, started_at=at, version=task.version + 1))

    def report(self, task_id: str, *, progress_bp: int, **changes: Any) -> Schedule:
        """Say how much of a started task is done, below the whole; other changes may come along."""
        task = self.get(task_id)
        if task.started_at is None:
            raise TaskNotStarted(task.title)
        if task.finished_at is not None:
            raise TaskAlreadyFinished(task.title)
        return self.change(task_id, progress_bp=progress_bp, **changes)

    def finish(self, task_id: str, *, at: datetime) -> Schedule:
        """End a started task. Raises DependencyNotMet when what it waits for has not come."""
        task = self.get(task_id)
        if task.finished_at is not None:
            raise TaskAlreadyFinished(task.title)
        if task.started_at is None:
            raise TaskNotStarted(task.title)
        done = replace(task, finished_at=at, progress_bp=DONE_BP, version=task.version + 1)
        return self._with(done)

    def reopen(self, task_id: str, *, progress_bp: int) -> Schedule:
        """Take a finish back. Raises DependencyNotMet when another task relied on it."""
        task = self.get(task_id)
        if task.finished_at is None:
            raise TaskNotFinished(task.title)
        undone = replace(task, finished_at=None, progress_bp=progress_bp, version=task.version + 1)
        return self._with(undone)

    def counted_by(self, progress_by: ProgressBasis) -> Schedule:
        """The same tasks, adding up in another way. Raises EffortMissing."""
        return replace(self, progress_by=progress_by).checked()

    def unfinished(self) -> list[Task]:
        """Tasks that are still to be finished."""
        return [task for task in self.tasks.values() if task.finished_at is None]

    def progress_bp(self) -> int:
        """Share of the work done; the whole only when every counted task is finished."""
        if not self.tasks:
            return 0
        shares = [(self._share(task), task.progress_bp) for task in self.tasks.values()]
        total = sum(share for share, _ in shares)
        if total == 0:
            return sum(done for _, done in shares) // len(shares)
        return sum(share * done for share, done in shares) // total

    def work(self, *, first_on: date, due_on: date) -> list[WorkSlice]:
        """The planned work; what has no dates of its own spreads over the whole project.

        A project without tasks is one slice.
        """
        whole = _slice(first_on, due_on, share=1)
        if not self.tasks:
            return [whole]
        return [
            _slice(
                task.planned_start_on or min(first_on, task.planned_end_on or due_on),
                task.planned_end_on or max(due_on, task.planned_start_on or due_on),
                share=self._share(task),
            )
            for task in self.tasks.values()
        ]

    def in_order(self) -> list[Task]:
        """Tasks so that each comes after those it waits for. Raises TaskDependenciesCyclic."""
        done: dict[str, None] = {}
        for root in self.tasks:
            path: dict[str, Iterator[str]] = {} if root in done else {root: self._awaited(root)}
            while path:
                current = next(reversed(path))
                following = next(path[current], None)
                if following is None:
                    done[current] = None
                    del path[current]
                elif following in path:
                    raise TaskDependenciesCyclic(self._titles_of_cycle(list(path), following))
                elif following not in done:
                    path[following] = self._awaited(following)
        return [self.tasks[task_id] for task_id in done]

    def _with(self, task: Task) -> Schedule:
        return Schedule(MappingProxyType({**self.tasks, task.id: task}), self.progress_by).checked()

    def _share(self, task: Task) -> int:
        if self.progress_by == "count":
            return 1
        return task.weight if self.progress_by == "weight" else task.effort_minutes or 0

    def _awaited(self, task_id: str) -> Iterator[str]:
        return iter([dependency.task_id for dependency in self.tasks[task_id].depends_on])

    def _titles_of_cycle(self, path: list[str], closing: str) -> list[str]:
        ring = path[path.index(closing) :]
        return [self.tasks[task_id].title for task_id in [*ring, closing]]

    def checked(self) -> Schedule:
        """Itself, when the invariants hold."""
        if len(self.tasks) > MAX_TASKS:
            raise TooManyTasks(MAX_TASKS)
        for task in self.tasks.values():
            if self.progress_by == "effort" and task.effort_minutes is None:
                raise EffortMissing(task.title)
            for dependency in task.depends_on:
                if dependency.task_id not in self.tasks:
                    raise DependencyUnknown(task.title, dependency.task_id)
        self.in_order()
        for task in self.tasks.values():
            for dependency in task.depends_on:
                self._check_met(task, dependency)
        return self

    def _check_met(self, task: Task, dependency: Dependency) -> None:
        """What `task` did must not come before what it waits for."""
        kind: DependencyKind = dependency.kind
        held_at = task.started_at if kind.holds_start else task.finished_at
        if held_at is None:
            return
        awaited = self.tasks[dependency.task_id]
        released_at = awaited.reached(kind)
        if released_at is None or released_at > held_at:
            raise DependencyNotMet(
                task.title,
                step="start" if kind.holds_start else "finish",
                kind=kind.value,
                awaited=awaited.title,
                awaited_step="finished" if kind.awaits_finish else "started",
            )


def _slice(first_on: date, last_on: date, *, share: int) -> WorkSlice:
    return WorkSlice(first_on=min(first_on, last_on), last_on=last_on, share=share)
