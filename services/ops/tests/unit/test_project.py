"""The stages of a project, their gates, and the events that they cause."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from chassis.errors import Refusal
from events.money import Money
from events.types import EventData
from events.types.ops import ProjectReopened
from ops.domain.project import Project
from ops.domain.schedule import Schedule
from ops.domain.task import Task
from ops.errors.projects import (
    DueDayMissing,
    EvaluationMissing,
    NothingToReopen,
    OccurredBeforeLastChange,
    ProjectAlreadyDelivered,
    ProjectNotDelivered,
    ProjectNotInStage,
)
from ops.errors.tasks import (
    TasksUnfinished,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
TODAY = date(2026, 3, 2)
EMPTY = Schedule()
BUDGET = Money(amount_minor=1_000_000, currency="USD")


def planned(**details: Any) -> Project:
    return Project.plan(at=NOON, id="p", name="Move the warehouse", **details)[0]


def running(**details: Any) -> Project:
    return planned(**{"due_on": date(2026, 3, 31), **details}).start(EMPTY, at=NOON, on=TODAY)[0]


def test_a_project_starts_only_with_a_due_day() -> None:
    with pytest.raises(DueDayMissing):
        planned().start(EMPTY, at=NOON, on=TODAY)


def test_the_start_freezes_due_day_and_budget_and_later_changes_leave_them() -> None:
    project = running(budget=BUDGET)
    project, _ = project.change_details(at=NOON, due_on=date(2026, 5, 1), budget=None)

    (baseline,) = project.baselines
    assert (baseline.due_on, baseline.budget) == (date(2026, 3, 31), BUDGET)
    assert [(point.on, point.value_minor) for point in baseline.planned_values] == [
        (date(2026, 3, 1), 0),
        (date(2026, 3, 31), 1_000_000),
    ]


def test_a_replanned_project_keeps_its_first_baseline() -> None:
    project, _ = running().change_details(at=NOON, due_on=date(2026, 5, 1))
    project, event = project.rebaseline(EMPTY, at=NOON, on=TODAY)

    assert [baseline.due_on for baseline in event.project.baselines] == [
        date(2026, 3, 31),
        date(2026, 5, 1),
    ]


def test_a_running_project_cannot_lose_its_due_day() -> None:
    with pytest.raises(DueDayMissing):
        running().change_details(at=NOON, due_on=None)


def test_a_project_goes_through_all_stages_in_order() -> None:
    project, _ = running().monitor(at=NOON)
    with pytest.raises(ProjectNotDelivered):
        project.evaluate(at=NOON)
    project, delivered = project.complete(EMPTY, at=NOON, accepted_first_time=True)
    assert (delivered.project.progress_bp, delivered.project.accepted_first_time) == (10_000, True)
    project, _ = project.evaluate(at=NOON)
    with pytest.raises(EvaluationMissing):
        project.close(at=NOON)
    project, closed = project.close(at=NOON, evaluation="On time; the scanners came late.")
    assert (closed.from_stage, closed.project.stage) == ("evaluate", "closed")


def test_no_stage_can_be_skipped() -> None:
    with pytest.raises(ProjectNotInStage, match="in stage plan cannot be monitored"):
        planned().monitor(at=NOON)
    with pytest.raises(ProjectNotInStage, match="in stage execute cannot be closed"):
        running().close(at=NOON, evaluation="fine")


def test_work_is_not_delivered_while_tasks_are_open() -> None:
    schedule = Schedule.of([Task(id="t", title="Pack")], progress_by="weight")
    with pytest.raises(TasksUnfinished, match="'Pack'"):
        running().complete(schedule, at=NOON, accepted_first_time=True)


def test_a_delivered_project_cannot_be_cancelled_but_reopened() -> None:
    project, _ = running().complete(EMPTY, at=NOON, accepted_first_time=False)
    with pytest.raises(ProjectAlreadyDelivered):
        project.cancel(at=NOON)

    project, event = project.reopen(EMPTY, at=NOON)
    assert (event.project.stage, event.project.completed_at) == ("execute", None)
    assert event.project.accepted_first_time is None


def test_a_cancelled_plan_is_reopened_as_a_plan() -> None:
    project, _ = planned().cancel(at=NOON)
    project, _ = project.reopen(EMPTY, at=NOON)
    assert (project.stage, project.cancelled_at) == ("plan", None)


def test_nothing_is_reopened_that_was_not_ended() -> None:
    with pytest.raises(NothingToReopen):
        running().reopen(EMPTY, at=NOON)


def test_history_is_told_in_order() -> None:
    with pytest.raises(OccurredBeforeLastChange):
        running().monitor(at=NOON - timedelta(seconds=1))


def test_the_same_details_again_change_nothing() -> None:
    project = planned(owner_id="ada")
    assert project.change_details(at=NOON, owner_id="ada") == (project, None)


class ProjectStages(RuleBasedStateMachine):
    """Tries every act at any time; what is refused leaves no trace."""

    def __init__(self) -> None:
        super().__init__()
        self.at = NOON
        self.project, created = Project.plan(at=NOON, id="p", name="p", due_on=date(2026, 4, 1))
        self.events: list[EventData] = [created]
        self.stages = ["plan"]

    def apply(self, act: str, **arguments: Any) -> None:
        self.at += timedelta(minutes=1)
        before = self.project
        try:
            after, event = getattr(before, act)(at=self.at, **arguments)
        except Refusal:
            return
        if event is None:
            assert after == before
            return
        self.project = after
        self.events.append(event)
        self.stages.append(after.stage)

    @rule()
    def start(self) -> None:
        self.apply("start", schedule=EMPTY, on=TODAY)

    @rule()
    def rebaseline(self) -> None:
        self.apply("rebaseline", schedule=EMPTY, on=TODAY)

    @rule()
    def monitor(self) -> None:
        self.apply("monitor")

    @rule(accepted=st.booleans())
    def complete(self, *, accepted: bool) -> None:
        self.apply("complete", schedule=EMPTY, accepted_first_time=accepted)

    @rule(evaluation=st.none() | st.just("fine"))
    def evaluate(self, evaluation: str | None) -> None:
        self.apply("evaluate", evaluation=evaluation)

    @rule(evaluation=st.none() | st.just("fine"))
    def close(self, evaluation: str | None) -> None:
        self.apply("close", evaluation=evaluation)

    @rule()
    def cancel(self) -> None:
        self.apply("cancel")

    @rule()
    def reopen(self) -> None:
        self.apply("reopen", schedule=EMPTY)

    @precondition(lambda self: self.project.stage == "plan")
    @rule(due_on=st.sampled_from([date(2026, 4, 1), date(2026, 5, 1), None]))
    def change_due_day(self, due_on: date | None) -> None:
        self.apply("change_details", due_on=due_on)

    @invariant()
    def versions_are_contiguous_and_one_event_each(self) -> None:
        assert self.project.version == len(self.events)

    @invariant()
    def the_last_event_tells_the_present_state(self) -> None:
        assert self.events[-1].project == self.project.state()  # type: ignore[attr-defined]

    @invariant()
    def ends_are_consistent(self) -> None:
        project = self.project
        assert (project.cancelled_at is not None) == (project.stage == "cancelled")
        assert (project.closed_at is not None) == (project.stage == "closed")
        assert not (project.completed_at and project.cancelled_at)
        if project.stage in ("evaluate", "closed"):
            assert project.completed_at is not None
        if project.stage == "closed":
            assert project.evaluation is not None
        if project.stage in ("execute", "monitor"):
            assert project.baselines

    @invariant()
    def stages_follow_their_order(self) -> None:
        order = ["plan", "execute", "monitor", "evaluate", "closed"]
        for before, after, event in zip(
            self.stages, self.stages[1:], self.events[1:], strict=False
        ):
            if after in (before, "cancelled") or isinstance(event, ProjectReopened):
                continue
            assert order.index(after) == order.index(before) + 1


ProjectStages.TestCase.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
TestProjectStages = ProjectStages.TestCase
