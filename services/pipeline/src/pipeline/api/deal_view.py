"""How a deal is answered."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from chassis.types import StrictModel
from pipeline.api.fields import DimensionsView, MoneyBody, OwnerBody
from pipeline.domain.deal import Deal
from pipeline.store.history import History


class DealView(StrictModel):
    """A deal as it is; `dimensions` are those frozen into its last event."""

    id: str
    version: int
    external_ref: str | None
    name: str | None
    pipeline: str
    stage: str
    stage_rank: int
    stage_entered_at: datetime
    status: str
    episode: int
    created_at: datetime
    changed_at: datetime
    closed_at: datetime | None
    owners: list[OwnerBody]
    team: str | None
    customer_id: str | None
    lead_id: str | None
    product: str | None
    channel: str | None
    amount: MoneyBody | None
    list_value: MoneyBody | None
    expected_close_on: date | None
    close_date_pushes: int
    lost_reason: str | None
    competitor: str | None
    lost_note: str | None
    dimensions: DimensionsView

    @classmethod
    def of(cls, deal: Deal) -> DealView:
        return cls(
            id=deal.id,
            version=deal.version,
            external_ref=deal.external_ref,
            name=deal.name,
            pipeline=deal.pipeline,
            stage=deal.stage,
            stage_rank=deal.stage_rank,
            stage_entered_at=deal.stage_entered_at,
            status=deal.status,
            episode=deal.episode,
            created_at=deal.created_at,
            changed_at=deal.changed_at,
            closed_at=deal.closed_at,
            owners=[
                OwnerBody(owner_id=owner.owner_id, weight_bp=owner.weight_bp)
                for owner in deal.owners
            ],
            team=deal.team,
            customer_id=deal.customer_id,
            lead_id=None if deal.lead is None else deal.lead.lead_id,
            product=deal.product,
            channel=deal.channel,
            amount=MoneyBody.of(deal.amount),
            list_value=MoneyBody.of(deal.list_value),
            expected_close_on=deal.expected_close_on,
            close_date_pushes=deal.close_date_pushes,
            lost_reason=deal.lost_reason,
            competitor=deal.competitor,
            lost_note=deal.lost_note,
            dimensions=DimensionsView.of(deal.dimensions),
        )


class StepView(StrictModel):
    """A stay in a stage; the stay that goes on has no `left_at`."""

    version: int
    episode: int
    from_stage: str | None
    stage: str
    entered_at: datetime
    left_at: datetime | None
    actor: str
    override_reason: str | None


class ChangeView(StrictModel):
    """What one version changed: field to [before, after]."""

    version: int
    kind: str
    occurred_at: datetime
    recorded_at: datetime
    actor: str
    reason: str | None
    changed: dict[str, list[Any]]


class HistoryView(StrictModel):
    """All that happened to a deal, oldest first."""

    deal_id: str
    stages: list[StepView]
    changes: list[ChangeView]

    @classmethod
    def of(cls, deal_id: str, history: History) -> HistoryView:
        return cls(
            deal_id=deal_id,
            stages=[
                StepView(**{name: getattr(step, name) for name in StepView.model_fields})
                for step in history.steps
            ],
            changes=[
                ChangeView(**{name: getattr(change, name) for name in ChangeView.model_fields})
                for change in history.changes
            ],
        )
