"""Telling a project's history at once: what an import knows, as the steps that led there.

Invariant: a history is told in the order of its time and through the same acts as
a living project, so that no import brings in what could not have happened. What
is stored already is kept; a history that contradicts it is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from events.money import Money
from events.types import EventData
from ops.domain.change import Change
from ops.domain.project import Project
from ops.domain.schedule import Schedule
from ops.domain.task import Task
from ops.errors.projects import (
    HistoryRewritten,
    OccurredBeforeLastChange,
)

DayOf = Callable[[datetime], date]
"""The company's day of an instant."""

_ORDER = ("start", "details", "tasks", "monitor", "complete", "evaluate", "close", "cancel")
"""What comes first among steps of the same instant."""


@dataclass(frozen=True, kw_only=True)
class ProjectHistory:
    """A project as an import tells it. `tasks` carry their ids and the times they reached."""

    details: Mapping[str, Any]
    created_at: datetime
    started_at: datetime | None = None
    baseline_due_on: date | None = None
    baseline_budget: Money | None = None
    monitored_at: datetime | None = None
    completed_at: datetime | None = None
    accepted_first_time: bool | None = None
    evaluated_at: datetime | None = None
    closed_at: datetime | None = None
    evaluation: str | None = None
    cancelled_at: datetime | None = None
    cancel_reason: str = "not told"
    tasks: tuple[Task, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Told:
    """Where a history led, and by which changes."""

    project: Project
    schedule: Schedule
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Step:
    """One act of the history; `named` is the field that told of it."""

    at: datetime
    kind: str
    named: str
    act: Callable[[Told], Told]
    position: tuple[int, int] = field(default=(0, 0))

    @property
    def order(self) -> tuple[datetime, int, tuple[int, int]]:
        return self.at, _ORDER.index(self.kind), self.position


def tell(history: ProjectHistory, *, project_id: str, day_of: DayOf) -> Told:
    """A project that is not known yet."""
    details = dict(history.details)
    if history.baseline_due_on is not None:
        details |= {"due_on": history.baseline_due_on, "budget": history.baseline_budget}
    project, planned = Project.plan(at=history.created_at, id=project_id, **details)
    schedule = Schedule.of(map(_untouched, history.tasks), progress_by=project.progress_by)
    begun = Told(
        project=project,
        schedule=schedule,
        changes=(Change(before=None, after=project, at=history.created_at, data=planned),),
    )
    return _walk(begun, _steps(begun, history, day_of))


def continue_telling(
    history: ProjectHistory, stored: Told, *, now: datetime, day_of: DayOf
) -> Told:
    """A project that is known: what the history adds. Raises HistoryRewritten."""
    _refuse_contradiction(history, stored)
    steps = list(_steps(stored, history, day_of))
    at = max(min([step.at for step in steps], default=now), stored.project.changed_at)
    told = _replanned(stored, history, at=at)
    return _walk(told, steps)


def _replanned(told: Told, history: ProjectHistory, *, at: datetime) -> Told:
    """With the history's details, and the plans of its tasks; those it leaves out stay."""
    told = _changed(told, told.project.change_details(at=at, **history.details), at=at)
    tasks = {**told.schedule.tasks}
    for task in history.tasks:
        known = tasks.get(task.id)
        tasks[task.id] = _replan_task(known, task) if known else _untouched(task)
    schedule = Schedule.of(tasks.values(), progress_by=told.project.progress_by)
    if schedule.tasks != told.schedule.tasks:
        told.project.require_plannable()
    told = replace(told, schedule=schedule)
    return _with_progress(told, at=at)


def _replan_task(known: Task, told: Task) -> Task:
    reached = {
        name: getattr(known, name)
        for name in ("version", "progress_bp", "started_at", "finished_at")
    }
    kept = replace(told, **reached)
    return known if kept == known else replace(kept, version=known.version + 1)


def _untouched(task: Task) -> Task:
    return replace(task, started_at=None, finished_at=None, progress_bp=0)


def _walk(told: Told, steps: Iterator[_Step] | list[_Step]) -> Told:
    for step in sorted(steps, key=lambda step: step.order):
        try:
            told = step.act(told)
        except OccurredBeforeLastChange as refused:
            refused.field = step.named
            raise
    return told


def _steps(told: Told, history: ProjectHistory, day_of: DayOf) -> Iterator[_Step]:
    """What the history holds and the project has not reached yet."""
    yield from _stage_steps(told.project, history, day_of)
    yield from _task_steps(told.schedule, history)


def _stage_steps(project: Project, told: ProjectHistory, day_of: DayOf) -> Iterator[_Step]:
    if told.started_at and not project.baselines:
        yield from _start_steps(told, told.started_at, day_of)
    if told.monitored_at and project.stage in ("plan", "execute"):
        yield _step(
            told.monitored_at,
            "monitor",
            named="monitored_at",
            act=lambda p, _, at: p.monitor(at=at),
        )
    if told.completed_at and project.completed_at is None:
        accepted = told.accepted_first_time
        yield _step(
            told.completed_at,
            "complete",
            named="completed_at",
            act=lambda p, s, at: p.complete(s, at=at, accepted_first_time=accepted),
        )
    yield from _end_steps(project, told)


def _start_steps(told: ProjectHistory, started_at: datetime, day_of: DayOf) -> Iterator[_Step]:
    yield _step(
        started_at,
        "start",
        named="started_at",
        act=lambda p, s, at: p.start(s, at=at, on=day_of(at)),
    )
    if told.baseline_due_on is not None:
        yield _step(
            started_at,
            "details",
            named="due_on",
            act=lambda p, _, at: p.change_details(at=at, **told.details),
        )


def _end_steps(project: Project, told: ProjectHistory) -> Iterator[_Step]:
    text, reason = told.evaluation, told.cancel_reason
    if told.evaluated_at and project.stage not in ("evaluate", "closed"):
        yield _step(
            told.evaluated_at,
            "evaluate",
            named="evaluated_at",
            act=lambda p, _, at: p.evaluate(at=at, evaluation=text),
        )
    if told.closed_at and project.closed_at is None:
        yield _step(
            told.closed_at,
            "close",
            named="closed_at",
            act=lambda p, _, at: p.close(at=at, evaluation=text),
        )
    if told.cancelled_at and project.cancelled_at is None:
        yield _step(
            told.cancelled_at,
            "cancel",
            named="cancelled_at",
            act=lambda p, _, at: p.cancel(at=at),
            note=reason,
        )


def _task_steps(schedule: Schedule, history: ProjectHistory) -> Iterator[_Step]:
    ordered = Schedule.of(history.tasks, progress_by="count").in_order()
    for place, task in enumerate(ordered):
        known = schedule.tasks.get(task.id)
        if task.started_at and (known is None or known.started_at is None):
            yield _task_step("start", task.id, task.started_at, position=(place, 0))
        if task.finished_at and (known is None or known.finished_at is None):
            yield _task_step("finish", task.id, task.finished_at, position=(place, 1))


def _task_step(act: str, task_id: str, at: datetime, *, position: tuple[int, int]) -> _Step:
    def take(told: Told) -> Told:
        told.project.require_running()
        schedule = getattr(told.schedule, act)(task_id, at=at)
        return _with_progress(replace(told, schedule=schedule), at=at)

    return _Step(at=at, kind="tasks", named="tasks", act=take, position=position)


def _step(
    at: datetime,
    kind: str,
    *,
    named: str,
    act: Callable[[Project, Schedule, datetime], tuple[Project, EventData | None]],
    note: str | None = None,
) -> _Step:
    def take(told: Told) -> Told:
        return _changed(told, act(told.project, told.schedule, at), at=at, note=note)

    return _Step(at=at, kind=kind, named=named, act=take)


def _with_progress(told: Told, *, at: datetime) -> Told:
    project, event = told.project.report_progress(told.schedule, at=at)
    if event is None:
        return replace(told, project=told.project.noted(at=at))
    return _changed(told, (project, event), at=at)


def _changed(
    told: Told, outcome: tuple[Project, EventData | None], *, at: datetime, note: str | None = None
) -> Told:
    project, event = outcome
    if event is None:
        return told
    change = Change(before=told.project, after=project, at=at, data=event, note=note)
    return replace(told, project=project, changes=(*told.changes, change))


def _refuse_contradiction(history: ProjectHistory, stored: Told) -> None:
    project = stored.project
    for name in ("started_at", "completed_at", "closed_at", "cancelled_at"):
        known, told = getattr(project, name), getattr(history, name)
        if known is not None and told is not None and known != told:
            raise HistoryRewritten(name, stored=known.isoformat())
    if project.baselines and history.baseline_due_on not in (None, project.baselines[0].due_on):
        raise HistoryRewritten("baseline.due_on", stored=project.baselines[0].due_on)
    for task in history.tasks:
        known_task = stored.schedule.tasks.get(task.id)
        for name in ("started_at", "finished_at"):
            known = getattr(known_task, name, None)
            told = getattr(task, name)
            if known is not None and told is not None and known != told:
                raise HistoryRewritten(f"tasks.{name}", stored=known.isoformat())
