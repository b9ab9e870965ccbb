"""Owns what is known of a deal, and how it goes from one version to the next.

Invariants: versions are contiguous, time never runs backwards, and every version
freezes the dimensions that it was made in. The commands are in `deal`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final, Self

from chassis.errors import Refusal
from events.money import Money
from events.types import Dimensions, Owner
from events.types.pipeline import DealState, DealStatus, LeadOrigin, LostReason
from pipeline.domain.occasion import NO_DIMENSIONS, Occasion
from pipeline.domain.pipeline import Pipeline, Stage
from pipeline.errors import (
    DealAlreadyClosed,
    DealIsDeleted,
    OccurredTooEarly,
    StageFieldsMissing,
)

CUT_BY: Final = ("team", "product", "channel", "customer_id", "lead")
"""The fields of a deal that its dimensions follow from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """What a deal is about, apart from its amount, its owners and its way."""

    name: str | None = None
    customer_id: str | None = None
    product: str | None = None
    channel: str | None = None
    list_value: Money | None = None
    expected_close_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """All that is said of a deal when it is opened."""

    details: Details
    amount: Money | None = None
    owners: tuple[Owner, ...] = ()
    team: str | None = None
    lead: LeadOrigin | None = None
    external_ref: str | None = None
    imported_as: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DealRecord:
    """A deal's state. `dimensions` are those frozen into its last event."""

    id: str
    version: int
    pipeline: str
    stage: str
    stage_rank: int
    stage_entered_at: datetime
    status: DealStatus
    episode: int
    created_at: datetime
    changed_at: datetime
    closed_at: datetime | None = None
    closed_from: str | None = None
    """The open stage that it was closed from, to which a reopening returns it."""
    owners: tuple[Owner, ...] = ()
    team: str | None = None
    dimensions: Dimensions = NO_DIMENSIONS
    name: str | None = None
    customer_id: str | None = None
    product: str | None = None
    channel: str | None = None
    amount: Money | None = None
    list_value: Money | None = None
    expected_close_on: date | None = None
    close_date_pushes: int = 0
    """How often the expected close was moved to a later day."""
    lead: LeadOrigin | None = None
    lost_reason: LostReason | None = None
    competitor: str | None = None
    lost_note: str | None = None
    external_ref: str | None = None
    imported_as: str | None = None
    """Fingerprint of the import row that it was last brought up to."""

    @property
    def details(self) -> Details:
        """What the deal is about, as `revise` takes it."""
        return Details(
            name=self.name,
            customer_id=self.customer_id,
            product=self.product,
            channel=self.channel,
            list_value=self.list_value,
            expected_close_on=self.expected_close_on,
        )

    def rank_in(self, pipeline: Pipeline) -> int:
        """Place on the ladder now; a deal on hold keeps the one that it had."""
        rank = pipeline.rank(pipeline.stage(self.stage))
        return self.stage_rank if rank is None else rank

    def missing_fields(self, stage: Stage) -> tuple[str, ...]:
        """What the stage requires and the deal has not."""
        return tuple(field for field in stage.required_fields if not getattr(self, field))

    def state(self) -> DealState:
        """The deal as its events carry it."""
        return DealState(
            deal_id=self.id,
            pipeline=self.pipeline,
            stage=self.stage,
            stage_rank=self.stage_rank,
            status=self.status,
            episode=self.episode,
            created_at=self.created_at,
            closed_at=self.closed_at,
            owners=list(self.owners),
            dimensions=self.dimensions,
            customer_id=self.customer_id,
            amount=self.amount,
            list_value=self.list_value,
            expected_close_on=self.expected_close_on,
            lead=self.lead,
        )

    def passes(
        self, target: Stage, *, pipeline: Pipeline, from_rank: int | None, override: str | None
    ) -> bool:
        """Check the rules on the way into a stage; whether the override was needed.

        `from_rank` None means that the way there is free.
        """
        breach: Refusal | None = pipeline.breach(target, from_stage=self.stage, from_rank=from_rank)
        missing = self.missing_fields(target)
        if breach is None and missing:
            breach = StageFieldsMissing(target.code, missing)
        if breach is not None and override is None:
            raise breach
        return breach is not None

    def next(self, on: Occasion, **changes: Any) -> Self:
        """The next version. Raises OccurredTooEarly."""
        if on.at < self.changed_at:
            raise OccurredTooEarly(self.changed_at)
        dimensions = on.around.dimensions(
            **{name: changes.get(name, getattr(self, name)) for name in CUT_BY}
        )
        return replace(
            self,
            version=self.version + 1,
            changed_at=on.at,
            dimensions=dimensions,
            **changes,
        )

    def must_keep_fields(self, *, of: DealRecord, pipeline: Pipeline) -> None:
        """Raise StageFieldsMissing if this version lost a field that its stage requires."""
        stage = pipeline.stage(self.stage)
        lost = set(self.missing_fields(stage)) - set(of.missing_fields(stage))
        if lost:
            raise StageFieldsMissing(stage.code, sorted(lost))

    def must_be_open(self) -> None:
        self.must_not_be_deleted()
        if self.status != "open":
            raise DealAlreadyClosed(self.id, self.status)

    def must_not_be_deleted(self) -> None:
        if self.status == "deleted":
            raise DealIsDeleted(self.id)
