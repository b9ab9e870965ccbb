"""A project and its stages: plan, execute, monitor, evaluate, closed; or cancelled.

Invariants: every change adds one to `version` and causes exactly one event, so
that versions are contiguous; no change is dated before the last one; baselines
are only ever appended.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from events.money import Money
from events.types import Dimensions
from events.types.ops import (
    Baseline,
    ProjectBaselined,
    ProjectCancelled,
    ProjectCompleted,
    ProjectCreated,
    ProjectDetailsChanged,
    ProjectProgressReported,
    ProjectReopened,
    ProjectStage,
    ProjectStageChanged,
    ProjectState,
)
from ops.domain.plan import planned_values
from ops.domain.schedule import ProgressBasis, Schedule
from ops.domain.task import DONE_BP
from ops.errors.projects import (
    DueDayMissing,
    EvaluationMissing,
    NothingToReopen,
    OccurredBeforeLastChange,
    ProjectAlreadyDelivered,
    ProjectNotDelivered,
    ProjectNotInStage,
    TooManyBaselines,
)
from ops.errors.tasks import (
    TasksUnfinished,
)

MAX_BASELINES = 50
"""Baselines of one project: each event carries them all."""

RUNNING: frozenset[ProjectStage] = frozenset({"execute", "monitor"})
"""Stages in which work goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """Work for a customer or for ourselves, with a due day and perhaps a budget."""

    id: str
    name: str
    created_at: datetime
    changed_at: datetime
    version: int = 1
    stage: ProjectStage = "plan"
    external_ref: str | None = None
    start_on: date | None = None
    due_on: date | None = None
    owner_id: str | None = None
    customer_id: str | None = None
    dimensions: Dimensions = field(default_factory=Dimensions)
    budget: Money | None = None
    progress_by: ProgressBasis = "weight"
    progress_bp: int = 0
    baselines: tuple[Baseline, ...] = ()
    started_at: datetime | None = None
    completed_at: datetime | None = None
    accepted_first_time: bool | None = None
    evaluation: str | None = None
    closed_at: datetime | None = None
    cancelled_at: datetime | None = None

    @classmethod
    def plan(cls, *, at: datetime, **details: Any) -> tuple[Project, ProjectCreated]:
        """A new project, in the stage plan."""
        project = cls(created_at=at, changed_at=at, **details)
        return project, ProjectCreated(project=project.state())

    def change_details(
        self, *, at: datetime, **changes: Any
    ) -> tuple[Project, ProjectDetailsChanged | None]:
        """Other name, days, budget, owner, team or customer; the same again changes nothing."""
        if all(getattr(self, name) == value for name, value in changes.items()):
            return self, None
        if self.stage in ("closed", "cancelled"):
            raise ProjectNotInStage(
                self.stage, "changed", ("plan", "execute", "monitor", "evaluate")
            )
        changed = self._next(at=at, **changes)
        if changed.baselines and changed.due_on is None:
            raise DueDayMissing
        return changed, ProjectDetailsChanged(project=changed.state())

    def start(
        self, schedule: Schedule, *, at: datetime, on: date
    ) -> tuple[Project, ProjectBaselined]:
        """Begin to execute, and freeze the plan. `on` is the company's day of `at`."""
        self._require("started", "plan")
        started = self._next(at=at, stage="execute", started_at=at)
        return _frozen(started, schedule, on=on)

    def rebaseline(
        self, schedule: Schedule, *, at: datetime, on: date
    ) -> tuple[Project, ProjectBaselined]:
        """Freeze the present plan as a further baseline; the earlier ones stay."""
        self._require("replanned", *sorted(RUNNING))
        self._require_undelivered()
        return _frozen(self._next(at=at), schedule, on=on)

    def monitor(self, *, at: datetime) -> tuple[Project, ProjectStageChanged]:
        """The work runs, and is now mainly watched."""
        self._require("monitored", "execute")
        return self._move("monitor", at=at)

    def report_progress(
        self, schedule: Schedule, *, at: datetime
    ) -> tuple[Project, ProjectProgressReported | None]:
        """Take over the progress of the tasks; nothing happens when it is the same.

        What is delivered is whole, however its tasks are counted.
        """
        progress_bp = schedule.progress_bp()
        if self.completed_at is not None or progress_bp == self.progress_bp:
            return self, None
        reported = self._next(at=at, progress_bp=progress_bp)
        return reported, ProjectProgressReported(project=reported.state())

    def complete(
        self, schedule: Schedule, *, at: datetime, accepted_first_time: bool | None
    ) -> tuple[Project, ProjectCompleted]:
        """The work is delivered. Raises TasksUnfinished."""
        self._require("completed", *sorted(RUNNING))
        self._require_undelivered()
        unfinished = [task.title for task in schedule.unfinished()]
        if unfinished:
            raise TasksUnfinished(unfinished)
        done = self._next(
            at=at,
            completed_at=at,
            accepted_first_time=accepted_first_time,
            progress_bp=DONE_BP,
        )
        return done, ProjectCompleted(project=done.state())

    def evaluate(
        self, *, at: datetime, evaluation: str | None = None
    ) -> tuple[Project, ProjectStageChanged]:
        """Look back on the delivered work; the text may still come with the closing."""
        self._require("evaluated", "monitor")
        if self.completed_at is None:
            raise ProjectNotDelivered
        return self._move("evaluate", at=at, evaluation=evaluation or self.evaluation)

    def close(
        self, *, at: datetime, evaluation: str | None = None
    ) -> tuple[Project, ProjectStageChanged]:
        """End an evaluated project. Raises EvaluationMissing."""
        self._require("closed", "evaluate")
        text = evaluation or self.evaluation
        if text is None:
            raise EvaluationMissing
        return self._move("closed", at=at, evaluation=text, closed_at=at)

    def cancel(self, *, at: datetime) -> tuple[Project, ProjectCancelled]:
        """Give the project up before it is delivered."""
        self._require("cancelled", "plan", *sorted(RUNNING))
        self._require_undelivered()
        cancelled = self._next(at=at, stage="cancelled", cancelled_at=at)
        return cancelled, ProjectCancelled(project=cancelled.state())

    def reopen(self, schedule: Schedule, *, at: datetime) -> tuple[Project, ProjectReopened]:
        """Take a delivery or a cancellation back; execution, or planning, goes on.

        The evaluation judged the delivery that is taken back, so it goes with it.
        """
        if self.completed_at is None and self.cancelled_at is None:
            raise NothingToReopen
        reopened = self._next(
            at=at,
            stage="execute" if self.baselines else "plan",
            completed_at=None,
            accepted_first_time=None,
            evaluation=None,
            closed_at=None,
            cancelled_at=None,
            progress_bp=schedule.progress_bp(),
        )
        return reopened, ProjectReopened(project=reopened.state())

    def noted(self, *, at: datetime) -> Project:
        """Remember that something about its tasks happened; nothing later may be dated before."""
        self._require_order(at)
        return replace(self, changed_at=at)

    def require_plannable(self) -> None:
        """Raises ProjectNotInStage or ProjectAlreadyDelivered: its tasks can no longer change."""
        self._require("replanned in its tasks", "plan", *sorted(RUNNING))
        self._require_undelivered()

    def require_running(self) -> None:
        """Raises ProjectNotInStage or ProjectAlreadyDelivered: no work is done in it."""
        self._require("worked on", *sorted(RUNNING))
        self._require_undelivered()

    def state(self) -> ProjectState:
        """What events tell of it: all that others need, but no name and no text."""
        return ProjectState(
            project_id=self.id,
            stage=self.stage,
            created_at=self.created_at,
            due_on=self.due_on,
            owner_id=self.owner_id,
            customer_id=self.customer_id,
            dimensions=self.dimensions,
            budget=self.budget,
            baselines=list(self.baselines),
            completed_at=self.completed_at,
            cancelled_at=self.cancelled_at,
            accepted_first_time=self.accepted_first_time,
            progress_bp=self.progress_bp,
        )

    def _move(
        self, stage: ProjectStage, *, at: datetime, **changes: Any
    ) -> tuple[Project, ProjectStageChanged]:
        moved = self._next(at=at, stage=stage, **changes)
        return moved, ProjectStageChanged(project=moved.state(), from_stage=self.stage)

    def _next(self, *, at: datetime, **changes: Any) -> Project:
        self._require_order(at)
        return replace(self, version=self.version + 1, changed_at=at, **changes)

    def _require_order(self, at: datetime) -> None:
        if at < self.changed_at:
            raise OccurredBeforeLastChange(self.changed_at)

    def _require(self, act: str, *stages: ProjectStage) -> None:
        if self.stage not in stages:
            raise ProjectNotInStage(self.stage, act, stages)

    def _require_undelivered(self) -> None:
        if self.completed_at is not None:
            raise ProjectAlreadyDelivered


def _frozen(project: Project, schedule: Schedule, *, on: date) -> tuple[Project, ProjectBaselined]:
    """With its present plan as a further baseline. Raises DueDayMissing, TooManyBaselines."""
    if project.due_on is None:
        raise DueDayMissing
    if len(project.baselines) >= MAX_BASELINES:
        raise TooManyBaselines(MAX_BASELINES)
    work = schedule.work(first_on=project.start_on or on, due_on=project.due_on)
    baseline = Baseline(
        due_on=project.due_on,
        budget=project.budget,
        planned_values=planned_values(project.budget, work) if project.budget else [],
    )
    frozen = replace(project, baselines=(*project.baselines, baseline))
    return frozen, ProjectBaselined(project=frozen.state())
