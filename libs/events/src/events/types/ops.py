"""Events of the context `ops`: projects, time and capacity, and what they and the house cost.

A partner that keeps one of them elsewhere sends the same types.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

import msgspec

from events.money import MinorUnits, Money
from events.types.base import Code, Dimensions, EventData, Id, Instant, Minutes

ProjectStage = Literal["plan", "execute", "monitor", "evaluate", "closed", "cancelled"]


class PlannedValue(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Cumulative planned value at the end of a day, in minor units of the budget's currency."""

    on: date
    value_minor: MinorUnits


class Baseline(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """The plan as frozen when execution began."""

    due_on: date
    budget: Money | None = None
    planned_values: list[PlannedValue] = []


class ProjectState(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """The project after the event. `baselines` grows; the first dates `project_on_time`.

    `earned_value_minor` is in the budget's currency; absent, it is the share
    `progress_bp` of the budget.
    """

    project_id: Id
    stage: ProjectStage
    created_at: Instant
    due_on: date | None = None
    owner_id: Id | None = None
    customer_id: Id | None = None
    dimensions: Dimensions = Dimensions()
    budget: Money | None = None
    baselines: list[Baseline] = []
    completed_at: Instant | None = None
    cancelled_at: Instant | None = None
    accepted_first_time: bool | None = None
    progress_bp: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 0
    earned_value_minor: MinorUnits | None = None


class _ProjectEvent(EventData, frozen=True, kw_only=True, omit_defaults=True):
    project: ProjectState

    @property
    def subject(self) -> str:
        return self.project.project_id


class ProjectCreated(_ProjectEvent, frozen=True, kw_only=True, omit_defaults=True):
    """A project was planned."""

    wire_type = "com.tandem.ops.project.created.v1"
    topic = "ops"
    from_partners = True


class ProjectDetailsChanged(_ProjectEvent, frozen=True, kw_only=True, omit_defaults=True):
    """Due day, budget, owner, team or customer changed; the frozen baseline did not."""

    wire_type = "com.tandem.ops.project.details_changed.v1"
    topic = "ops"
    from_partners = True


class ProjectBaselined(_ProjectEvent, frozen=True, kw_only=True, omit_defaults=True):
    """Execution began (or was replanned, with a reason): the plan is frozen."""

    wire_type = "com.tandem.ops.project.baselined.v1"
    topic = "ops"
    from_partners = True


class ProjectStageChanged(_ProjectEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The project moved to another of its stages."""

    wire_type = "com.tandem.ops.project.stage_changed.v1"
    topic = "ops"
    from_partners = True

    from_stage: ProjectStage


class ProjectProgressReported(_ProjectEvent, frozen=True, kw_only=True, omit_defaults=True):
    """A share of the work is done, computed from its tasks."""

    wire_type = "com.tandem.ops.project.progress_reported.v1"
    topic = "ops"
    from_partners = True


class ProjectCompleted(_ProjectEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The work is delivered; the event's time decides whether it was on time."""

    wire_type = "com.tandem.ops.project.completed.v1"
    topic = "ops"
    from_partners = True


class ProjectReopened(_ProjectEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The completion is taken back."""

    wire_type = "com.tandem.ops.project.reopened.v1"
    topic = "ops"
    from_partners = True


class ProjectCancelled(_ProjectEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The project will not be finished."""

    wire_type = "com.tandem.ops.project.cancelled.v1"
    topic = "ops"
    from_partners = True


CostKind = Literal["acquisition", "operating", "project"]


class CostRecorded(EventData, frozen=True, kw_only=True, omit_defaults=True):
    """Money was spent; a second event about the same cost replaces the first."""

    wire_type = "com.tandem.ops.cost.recorded.v1"
    topic = "ops"
    from_partners = True

    cost_id: Id
    kind: CostKind
    amount: Money
    incurred_on: date
    category: Code | None = None
    project_id: Id | None = None
    process: Code | None = None
    campaign_id: Id | None = None
    dimensions: Dimensions = Dimensions()

    @property
    def subject(self) -> str:
        return self.cost_id

    @property
    def counts_on(self) -> date:
        return self.incurred_on


class CostVoided(EventData, frozen=True, kw_only=True, omit_defaults=True):
    """The cost entry was a mistake: it counts nowhere."""

    wire_type = "com.tandem.ops.cost.voided.v1"
    topic = "ops"

    cost_id: Id

    @property
    def subject(self) -> str:
        return self.cost_id


class TimeLogged(EventData, frozen=True, kw_only=True, omit_defaults=True):
    """A person worked; minutes null takes the entry back."""

    wire_type = "com.tandem.ops.time.logged.v1"
    topic = "ops"
    from_partners = True

    log_id: Id
    person_id: Id
    work_date: date
    minutes: Annotated[int, msgspec.Meta(gt=0, le=1440)] | None
    team: Code | None = None
    project_id: Id | None = None
    process: Code | None = None
    productive: bool = True

    @property
    def subject(self) -> str:
        return self.log_id

    @property
    def counts_on(self) -> date:
        return self.work_date


class CapacitySet(EventData, frozen=True, kw_only=True, omit_defaults=True):
    """How long a person could have worked on a day, and how much of that was leave."""

    wire_type = "com.tandem.ops.capacity.set.v1"
    topic = "ops"
    from_partners = True

    person_id: Id
    work_date: date
    available_minutes: Minutes
    leave_minutes: Minutes = 0
    team: Code | None = None

    @property
    def subject(self) -> str:
        """One person's day: a later event about it replaces the earlier."""
        return f"{self.person_id}/{self.work_date.isoformat()}"

    @property
    def counts_on(self) -> date:
        return self.work_date
