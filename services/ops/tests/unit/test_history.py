"""Histories told at once, told in pieces, and told wrongly."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.types.ops import (
    ProjectBaselined,
    ProjectCompleted,
    ProjectCreated,
    ProjectProgressReported,
    ProjectStageChanged,
)
from ops.domain.history import ProjectHistory, Told, continue_telling, tell
from ops.domain.task import Dependency, Task
from ops.errors.projects import HistoryRewritten, OccurredBeforeLastChange, ProjectNotInStage

BEGIN = datetime(2024, 1, 1, 9, tzinfo=UTC)
DETAILS: dict[str, Any] = {"name": "Retrofit", "due_on": date(2024, 3, 31)}
PROJECT_EVENTS = (
    ProjectCreated,
    ProjectBaselined,
    ProjectProgressReported,
    ProjectStageChanged,
    ProjectCompleted,
)
STEPS = ("started_at", "monitored_at", "completed_at", "evaluated_at", "closed_at")


def hours(count: int | None) -> datetime | None:
    return None if count is None else BEGIN + timedelta(hours=count)


def day_of(at: datetime) -> date:
    return at.date()


def history(*, reached: int, gaps: list[int], tasks: int) -> ProjectHistory:
    """A project that took the first `reached` steps, with tasks one after the other."""
    at = 0
    times: dict[str, Any] = {}
    for name, gap in zip(STEPS[:reached], gaps, strict=False):
        at += gap
        times[name] = hours(at)
    first, last = times.get("started_at"), times.get("completed_at")
    return ProjectHistory(
        details=DETAILS,
        created_at=BEGIN,
        evaluation="fine" if reached == len(STEPS) else None,
        accepted_first_time=True,
        tasks=tuple(_task(place, tasks, first, last) for place in range(tasks)),
        **times,
    )


def _task(place: int, tasks: int, first: datetime | None, last: datetime | None) -> Task:
    started_at = finished_at = None
    if first is not None and last is not None:
        step = (last - first) / tasks
        started_at, finished_at = first + step * place, first + step * (place + 1)
    waits = (Dependency(task_id=str(place - 1)),) if place else ()
    return Task(
        id=str(place),
        title=str(place),
        started_at=started_at,
        finished_at=finished_at,
        depends_on=waits,
    )


def until(told: ProjectHistory, cut: datetime) -> ProjectHistory:
    """What was known at the cut."""

    def known(at: datetime | None) -> datetime | None:
        return at if at is not None and at <= cut else None

    tasks = tuple(
        replace(task, started_at=known(task.started_at), finished_at=known(task.finished_at))
        for task in told.tasks
    )
    times: dict[str, Any] = {name: known(getattr(told, name)) for name in STEPS}
    return replace(told, tasks=tasks, **times)


HISTORIES = st.builds(
    history,
    reached=st.integers(0, len(STEPS)),
    gaps=st.lists(st.integers(0, 300), min_size=len(STEPS), max_size=len(STEPS)),
    tasks=st.integers(0, 4),
)


@given(HISTORIES)
def test_versions_are_contiguous_and_times_in_order(told: ProjectHistory) -> None:
    whole = tell(told, project_id="p", day_of=day_of)
    changes = whole.changes
    assert [change.after.version for change in changes] == list(range(1, len(changes) + 1))
    assert [change.at for change in changes] == sorted(change.at for change in changes)
    state = changes[-1].data
    assert isinstance(state, PROJECT_EVENTS)
    assert state.project == whole.project.state()


@given(HISTORIES, st.integers(0, 1500))
def test_a_history_in_two_pieces_is_the_history_at_once(told: ProjectHistory, cut: int) -> None:
    whole = tell(told, project_id="p", day_of=day_of)
    now = BEGIN + timedelta(days=1000)

    early = tell(until(told, BEGIN + timedelta(hours=cut)), project_id="p", day_of=day_of)
    rest = continue_telling(
        told, Told(project=early.project, schedule=early.schedule), now=now, day_of=day_of
    )

    assert [change.data for change in (*early.changes, *rest.changes)] == [
        change.data for change in whole.changes
    ]
    assert rest.project.state() == whole.project.state()
    assert rest.schedule.tasks == whole.schedule.tasks


@given(HISTORIES)
def test_the_same_history_again_tells_nothing(told: ProjectHistory) -> None:
    whole = tell(told, project_id="p", day_of=day_of)
    stored = Told(project=whole.project, schedule=whole.schedule)
    again = continue_telling(told, stored, now=BEGIN + timedelta(days=1000), day_of=day_of)
    assert again.changes == ()
    assert again.schedule == whole.schedule


def test_what_was_told_before_is_not_told_otherwise() -> None:
    told = history(reached=3, gaps=[1, 1, 1], tasks=0)
    stored = tell(told, project_id="p", day_of=day_of)
    with pytest.raises(HistoryRewritten) as refused:
        continue_telling(
            replace(told, completed_at=hours(4)),
            stored,
            now=BEGIN + timedelta(days=9),
            day_of=day_of,
        )
    assert refused.value.field == "completed_at"


def test_a_step_before_the_last_one_names_its_field() -> None:
    told = replace(history(reached=1, gaps=[5], tasks=0), cancelled_at=hours(5))
    stored = tell(told, project_id="p", day_of=day_of)
    assert stored.project.stage == "cancelled"
    late = replace(told, cancelled_at=None, monitored_at=hours(2))
    with pytest.raises(OccurredBeforeLastChange) as refused:
        continue_telling(
            late,
            Told(project=replace(stored.project, stage="execute"), schedule=stored.schedule),
            now=BEGIN,
            day_of=day_of,
        )
    assert refused.value.field == "monitored_at"


def test_what_could_not_have_happened_is_refused() -> None:
    with pytest.raises(ProjectNotInStage):
        tell(
            ProjectHistory(details=DETAILS, created_at=BEGIN, completed_at=hours(1)),
            project_id="p",
            day_of=day_of,
        )
