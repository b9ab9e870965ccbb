"""Events that partners send: sales made elsewhere, their refunds, surveys, use, and corrections.

A partner's subject is its own id of the thing (order, refund, answer). A second
event with a new id about the same subject replaces the first, but for activity:
there each event is one more.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from events.money import MinorUnits, Money
from events.types.base import Code, Dimensions, EventData, Id


class OrderLine(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One product of an order; lines sum to the order's amount."""

    product: Code
    quantity: Annotated[int, msgspec.Meta(gt=0, le=1_000_000_000)]
    amount_minor: MinorUnits


class OrderPaid(EventData, frozen=True, kw_only=True, omit_defaults=True):
    """A customer paid an order; the event's time is the day of the sale."""

    wire_type = "com.tandem.partner.order.paid.v1"
    topic = "partner"
    from_partners = True

    order_id: Id
    amount: Money
    customer_id: Id | None = None
    owner_id: Id | None = None
    lines: list[OrderLine] = []
    dimensions: Dimensions = Dimensions()
    cost_minor: MinorUnits | None = None

    @property
    def subject(self) -> str:
        return self.order_id


class PaymentRefunded(EventData, frozen=True, kw_only=True, omit_defaults=True):
    """Money of a sale went back; dated by the event's time.

    `source_type` says whether `source_id` is a deal of ours, or an order or a deal
    that the same partner told us of.
    """

    wire_type = "com.tandem.partner.payment.refunded.v1"
    topic = "partner"
    from_partners = True

    refund_id: Id
    source_type: Literal["deal", "order", "partner_deal"]
    source_id: Id
    amount: Money

    @property
    def subject(self) -> str:
        return self.refund_id


class SurveyResponded(EventData, frozen=True, kw_only=True, omit_defaults=True):
    """A customer answered a survey."""

    wire_type = "com.tandem.partner.survey.responded.v1"
    topic = "partner"
    from_partners = True

    survey_id: Id
    kind: Literal["csat", "nps", "ces"]
    score: Annotated[int, msgspec.Meta(ge=0, le=100)]
    scale_max: Annotated[int, msgspec.Meta(ge=1, le=100)]
    touchpoint: Code | None = None
    customer_id: Id | None = None
    owner_id: Id | None = None
    dimensions: Dimensions = Dimensions()

    @property
    def subject(self) -> str:
        return self.survey_id


class SurveyWithdrawn(EventData, frozen=True, kw_only=True, omit_defaults=True):
    """A customer took an answer back: it counts nowhere."""

    wire_type = "com.tandem.partner.survey.withdrawn.v1"
    topic = "partner"
    from_partners = True

    survey_id: Id

    @property
    def subject(self) -> str:
        return self.survey_id


class ActivityRecorded(EventData, frozen=True, kw_only=True, omit_defaults=True):
    """A user used what we offer, at the event's time. Each event is one more activity.

    The subject is the user, so that all of one user's activity keeps its order.
    `user_id` is a name of the partner's making that says nothing to anybody else.
    """

    wire_type = "com.tandem.partner.activity.recorded.v1"
    topic = "partner"
    from_partners = True

    user_id: Id
    kind: Code
    customer_id: Id | None = None
    dimensions: Dimensions = Dimensions()

    @property
    def subject(self) -> str:
        return self.user_id


VoidReason = Literal["mistake", "duplicate", "test", "cancelled", "other"]


class EventVoided(EventData, frozen=True, kw_only=True, omit_defaults=True):
    """An earlier event of the same source never happened.

    The gateway resolves `event_id` to the subject that it was about and files
    this event under that subject, as the next of its sequence.
    """

    wire_type = "com.tandem.partner.event.voided.v1"
    topic = "partner"
    from_partners = True

    event_id: Id
    reason: VoidReason

    @property
    def subject(self) -> str:
        raise TypeError("the subject of event.voided is that of the event it voids")
