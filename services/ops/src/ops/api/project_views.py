"""Projects as callers send and see them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import msgspec
from pydantic import field_validator

from chassis.types import Code, Day, Id, Note, StrictModel, Text
from events.types.ops import Baseline, ProjectStage
from ops.api.fields import DimensionsBody, MoneyBody, Told, Versioned
from ops.domain.project import Project
from ops.domain.schedule import ProgressBasis
from ops.tables import ChangeRow


class PlanProject(Told):
    """A new project. Channel, segment, sector and, if left out, region are the customer's."""

    name: Text
    external_ref: Id | None = None
    owner_id: Id | None = None
    customer_id: Id | None = None
    team: Code | None = None
    region: Code | None = None
    product: Code | None = None
    start_on: Day | None = None
    due_on: Day | None = None
    budget: MoneyBody | None = None
    progress_by: ProgressBasis = "weight"


class ChangeProject(Told):
    """Only the fields that are sent change; null takes a value away."""

    name: Text | None = None
    owner_id: Id | None = None
    customer_id: Id | None = None
    team: Code | None = None
    region: Code | None = None
    product: Code | None = None
    start_on: Day | None = None
    due_on: Day | None = None
    budget: MoneyBody | None = None
    progress_by: ProgressBasis | None = None

    @field_validator("name", "progress_by", mode="before")
    @classmethod
    def _refuse_null(cls, value: Any) -> Any:
        if value is None:
            raise ValueError("cannot be taken away; leave it out to keep it")
        return value


class ReplanProject(Told):
    reason: Text


class CompleteProject(Told):
    accepted_first_time: bool


class EvaluateProject(Told):
    evaluation: Note | None = None


class EndProject(Told):
    """For what needs a reason: cancelling, and reopening."""

    reason: Text


class PlannedValueView(StrictModel):
    on: date
    value_minor: int


class BaselineView(StrictModel):
    """The plan as it was frozen; between two points the planned value is a straight line."""

    due_on: date
    budget: MoneyBody | None
    planned_values: list[PlannedValueView]

    @classmethod
    def of(cls, baseline: Baseline) -> BaselineView:
        return cls(
            due_on=baseline.due_on,
            budget=MoneyBody.of(baseline.budget) if baseline.budget else None,
            planned_values=[
                PlannedValueView(on=point.on, value_minor=point.value_minor)
                for point in baseline.planned_values
            ],
        )


class ProjectView(DimensionsBody, Versioned):
    name: str
    stage: ProjectStage
    external_ref: str | None
    owner_id: str | None
    customer_id: str | None
    start_on: date | None
    due_on: date | None
    budget: MoneyBody | None
    progress_by: ProgressBasis
    progress_bp: int
    baselines: list[BaselineView]
    accepted_first_time: bool | None
    evaluation: str | None
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    closed_at: datetime | None
    cancelled_at: datetime | None
    changed_at: datetime

    @classmethod
    def of(cls, project: Project) -> ProjectView:
        same = {name: getattr(project, name) for name in _SAME}
        return cls(
            **same,
            **msgspec.structs.asdict(project.dimensions),
            budget=MoneyBody.of(project.budget) if project.budget else None,
            baselines=[BaselineView.of(baseline) for baseline in project.baselines],
        )


_SAME = frozenset(ProjectView.model_fields) - {"budget", "baselines", *DimensionsBody.model_fields}


class ChangeView(StrictModel):
    """One line of a project's history."""

    version: int
    act: str
    stage: str | None
    fields: list[str]
    note: str | None
    actor: str
    occurred_at: datetime
    recorded_at: datetime

    @classmethod
    def of(cls, row: ChangeRow) -> ChangeView:
        return cls(**{name: getattr(row, name) for name in cls.model_fields})
