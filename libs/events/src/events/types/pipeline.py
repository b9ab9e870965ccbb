"""Events of the context `pipeline`: deals, targets, and who sells where.

Every deal event carries the deal's whole state after it, so that a reader needs
no other stream and no before-image but the last state that it has seen. Why a deal
was reopened or deleted is told by the pipeline's history, not here: people write it.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

import msgspec

from events.money import MAX_MINOR, CurrencyCode, Money
from events.types.base import Code, Dimensions, EventData, Id, Instant, Owner, Period

DealStatus = Literal["open", "won", "lost", "deleted"]
LostReason = Literal[
    "price",
    "competitor",
    "no_budget",
    "no_decision",
    "service",
    "fit",
    "other",
    "unknown",
]


class LeadOrigin(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """The lead that a deal came from, as it was when captured. A lead makes at most one deal."""

    lead_id: Id
    captured_at: Instant
    owner_id: Id | None = None
    dimensions: Dimensions = Dimensions()


class DealState(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """The deal after the event."""

    deal_id: Id
    pipeline: Code
    stage: Code
    stage_rank: Annotated[
        int,
        msgspec.Meta(
            ge=0,
            le=1_000,
            description="place among the pipeline's open stages from 0, won is above them all; "
            "a deal that is lost or on hold keeps the rank that it had",
        ),
    ]
    status: DealStatus
    episode: Annotated[
        int, msgspec.Meta(ge=1, le=1_000_000, description="grows by one with each reopening")
    ]
    created_at: Instant
    closed_at: Instant | None = None
    owners: list[Owner] = []
    dimensions: Dimensions = Dimensions()
    customer_id: Id | None = None
    amount: Money | None = None
    list_value: Money | None = None
    expected_close_on: date | None = None
    lead: LeadOrigin | None = None


class _DealEvent(EventData, frozen=True, kw_only=True, omit_defaults=True):
    deal: DealState

    @property
    def subject(self) -> str:
        return self.deal.deal_id


class DealCreated(_DealEvent, frozen=True, kw_only=True, omit_defaults=True):
    """A chance of a sale was opened."""

    wire_type = "com.tandem.pipeline.deal.created.v1"
    topic = "pipeline"
    from_partners = True

    overridden: bool = False


class DealStageChanged(_DealEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The deal moved to another open stage; `overridden` when a rule was."""

    wire_type = "com.tandem.pipeline.deal.stage_changed.v1"
    topic = "pipeline"
    from_partners = True

    from_stage: Code
    overridden: bool = False


class DealAmountChanged(_DealEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The deal's amount or currency changed."""

    wire_type = "com.tandem.pipeline.deal.amount_changed.v1"
    topic = "pipeline"
    from_partners = True


class DealReassigned(_DealEvent, frozen=True, kw_only=True, omit_defaults=True):
    """Owners, their weights, or the team changed."""

    wire_type = "com.tandem.pipeline.deal.reassigned.v1"
    topic = "pipeline"
    from_partners = True


class DealDetailsChanged(_DealEvent, frozen=True, kw_only=True, omit_defaults=True):
    """Customer, product, list value or expected close changed."""

    wire_type = "com.tandem.pipeline.deal.details_changed.v1"
    topic = "pipeline"
    from_partners = True


class DealWon(_DealEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The customer bought; the event's time is the day of the sale."""

    wire_type = "com.tandem.pipeline.deal.won.v1"
    topic = "pipeline"
    from_partners = True

    overridden: bool = False


class DealLost(_DealEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The chance is gone, and why."""

    wire_type = "com.tandem.pipeline.deal.lost.v1"
    topic = "pipeline"
    from_partners = True

    reason: LostReason
    competitor: Code | None = None
    overridden: bool = False


class DealReopened(_DealEvent, frozen=True, kw_only=True, omit_defaults=True):
    """A closed deal is open again: its closing is taken back, as if it had not been."""

    wire_type = "com.tandem.pipeline.deal.reopened.v1"
    topic = "pipeline"
    from_partners = True


class DealDeleted(_DealEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The deal was entered by mistake: it counts nowhere."""

    wire_type = "com.tandem.pipeline.deal.deleted.v1"
    topic = "pipeline"
    from_partners = True


class TeamChanged(EventData, frozen=True, kw_only=True, omit_defaults=True):
    """A team was formed, or its territory became another; what it sold before stays as it was."""

    wire_type = "com.tandem.pipeline.team.changed.v1"
    topic = "pipeline"
    from_partners = True

    team: Code
    region: Code | None = None

    @property
    def subject(self) -> str:
        return self.team


class PersonChanged(EventData, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody who can own deals came, or went to another team; the deals stay where they are."""

    wire_type = "com.tandem.pipeline.person.changed.v1"
    topic = "pipeline"
    from_partners = True

    person_id: Id
    team: Code | None = None

    @property
    def subject(self) -> str:
        return self.person_id


MemberScope = Literal[
    "team",
    "owner",
    "product",
    "region",
    "segment",
    "channel",
    "project",
    "process",
]
ScopeDimension = Literal["company", MemberScope]


class TargetSet(EventData, frozen=True, kw_only=True, omit_defaults=True):
    """A target of a KPI for a scope and period; a later revision replaces the earlier.

    `value` is in minor units of `currency` for KPIs of money, else in the KPI's
    unit times 10,000. A target is withdrawn by `value` null. With a second scope it is
    for what belongs to both, as one product in one region.
    """

    wire_type = "com.tandem.pipeline.target.set.v1"
    topic = "pipeline"
    from_partners = True

    target_id: Id
    kpi: Code
    scope: ScopeDimension
    scope_value: Code | None = None
    period: Period
    value: Annotated[int, msgspec.Meta(ge=-MAX_MINOR, le=MAX_MINOR)] | None
    currency: CurrencyCode | None = None
    second_scope: MemberScope | None = None
    second_scope_value: Code | None = None

    @property
    def subject(self) -> str:
        return self.target_id
