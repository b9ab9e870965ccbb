"""Events of the context `customer`: who we sell to, without personal data."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from events.types.base import Code, Dimensions, EventData, Id, Instant, Reason


class CustomerState(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """The customer after the event, as far as others need it: no name, no address."""

    customer_id: Id
    owner_id: Id | None = None
    channel: Code | None = None
    segment: Code | None = None
    sector: Code | None = None
    region: Code | None = None


class _CustomerEvent(EventData, frozen=True, kw_only=True, omit_defaults=True):
    customer: CustomerState

    @property
    def subject(self) -> str:
        return self.customer.customer_id


class CustomerRegistered(_CustomerEvent, frozen=True, kw_only=True, omit_defaults=True):
    """A customer became known to us."""

    wire_type = "com.tandem.customer.customer.registered.v1"
    topic = "customer"


class CustomerProfileChanged(_CustomerEvent, frozen=True, kw_only=True, omit_defaults=True):
    """Segment, sector, region, channel or owner of a customer changed."""

    wire_type = "com.tandem.customer.customer.profile_changed.v1"
    topic = "customer"


LeadStatus = Literal["new", "contacted", "qualified", "disqualified", "converted"]


class LeadState(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """The lead after the event."""

    lead_id: Id
    status: LeadStatus
    captured_at: Instant
    owner_id: Id | None = None
    dimensions: Dimensions = Dimensions()
    campaign_id: Id | None = None
    customer_id: Id | None = None


class _LeadEvent(EventData, frozen=True, kw_only=True, omit_defaults=True):
    lead: LeadState

    @property
    def subject(self) -> str:
        return self.lead.lead_id


class LeadCaptured(_LeadEvent, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody showed interest; the event's time is the capture."""

    wire_type = "com.tandem.customer.lead.captured.v1"
    topic = "customer"


class LeadDetailsChanged(_LeadEvent, frozen=True, kw_only=True, omit_defaults=True):
    """Owner, campaign or a dimension of a lead was corrected; it took no step."""

    wire_type = "com.tandem.customer.lead.details_changed.v1"
    topic = "customer"


class LeadContacted(_LeadEvent, frozen=True, kw_only=True, omit_defaults=True):
    """We reached the lead for the first time."""

    wire_type = "com.tandem.customer.lead.contacted.v1"
    topic = "customer"


class LeadQualified(_LeadEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The lead is worth a salesperson's time."""

    wire_type = "com.tandem.customer.lead.qualified.v1"
    topic = "customer"


class LeadDisqualified(_LeadEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The lead will not become a customer."""

    wire_type = "com.tandem.customer.lead.disqualified.v1"
    topic = "customer"

    reason: Reason


class DealRequest(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """The deal that a conversion asks the pipeline to open."""

    pipeline: Code | None = None
    amount_minor: Annotated[int, msgspec.Meta(ge=0)] | None = None
    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")] | None = None


class LeadConverted(_LeadEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The lead became a customer, and optionally a deal, which the pipeline opens."""

    wire_type = "com.tandem.customer.lead.converted.v1"
    topic = "customer"

    deal: DealRequest | None = None
