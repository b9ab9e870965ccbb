"""Events of the context `customer`: who we sell to and serve, without personal data.

What people wrote (why a lead was given up, what a ticket says) stays with the
service; codes travel.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from events.money import CurrencyCode, MinorUnits
from events.types.base import Code, Dimensions, EventData, Id, Instant


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
    from_partners = True


class CustomerProfileChanged(_CustomerEvent, frozen=True, kw_only=True, omit_defaults=True):
    """Segment, sector, region, channel or owner of a customer changed."""

    wire_type = "com.tandem.customer.customer.profile_changed.v1"
    topic = "customer"
    from_partners = True


class CustomerMerged(EventData, frozen=True, kw_only=True, omit_defaults=True):
    """Two entries were one customer: what was the loser's is the survivor's, from its first day."""

    wire_type = "com.tandem.customer.customer.merged.v1"
    topic = "customer"
    from_partners = True

    loser_id: Id
    survivor_id: Id

    @property
    def subject(self) -> str:
        """The customer whose story ends with it."""
        return self.loser_id


class CustomerErased(EventData, frozen=True, kw_only=True, omit_defaults=True):
    """A customer was forgotten: totals stay, nothing is told about this id any more."""

    wire_type = "com.tandem.customer.customer.erased.v1"
    topic = "customer"
    from_partners = True

    customer_id: Id

    @property
    def subject(self) -> str:
        return self.customer_id


LeadStatus = Literal["new", "contacted", "qualified", "disqualified", "converted"]
DisqualificationReason = Literal[
    "no_need",
    "no_budget",
    "fit",
    "competitor",
    "unreachable",
    "duplicate",
    "spam",
    "other",
    "unknown",
]


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
    from_partners = True


class LeadDetailsChanged(_LeadEvent, frozen=True, kw_only=True, omit_defaults=True):
    """Owner, campaign or a dimension of a lead was corrected; it took no step."""

    wire_type = "com.tandem.customer.lead.details_changed.v1"
    topic = "customer"
    from_partners = True


class LeadContacted(_LeadEvent, frozen=True, kw_only=True, omit_defaults=True):
    """We reached the lead for the first time."""

    wire_type = "com.tandem.customer.lead.contacted.v1"
    topic = "customer"
    from_partners = True


class LeadQualified(_LeadEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The lead is worth a salesperson's time."""

    wire_type = "com.tandem.customer.lead.qualified.v1"
    topic = "customer"
    from_partners = True


class LeadDisqualified(_LeadEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The lead will not become a customer, and why as a code; the note stays with the service."""

    wire_type = "com.tandem.customer.lead.disqualified.v1"
    topic = "customer"
    from_partners = True

    reason: DisqualificationReason


class DealRequest(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """The deal that a conversion asks the pipeline to open."""

    pipeline: Code | None = None
    amount_minor: MinorUnits | None = None
    currency: CurrencyCode | None = None


class LeadConverted(_LeadEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The lead became a customer, and optionally a deal, which the pipeline opens.

    Not for partners: their deals name their leads, and the pipeline opens deals
    for our own leads only.
    """

    wire_type = "com.tandem.customer.lead.converted.v1"
    topic = "customer"

    deal: DealRequest | None = None


class TicketState(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A customer's request for help after the event. `contacts` counts what was exchanged."""

    ticket_id: Id
    status: Literal["open", "resolved"]
    opened_at: Instant
    resolved_at: Instant | None = None
    customer_id: Id | None = None
    owner_id: Id | None = None
    category: Code | None = None
    contacts: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 0
    dimensions: Dimensions = Dimensions()


class _TicketEvent(EventData, frozen=True, kw_only=True, omit_defaults=True):
    ticket: TicketState

    @property
    def subject(self) -> str:
        return self.ticket.ticket_id


class TicketOpened(_TicketEvent, frozen=True, kw_only=True, omit_defaults=True):
    """A customer asked for help."""

    wire_type = "com.tandem.customer.ticket.opened.v1"
    topic = "customer"
    from_partners = True


class TicketResolved(_TicketEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The customer was helped."""

    wire_type = "com.tandem.customer.ticket.resolved.v1"
    topic = "customer"
    from_partners = True


class TicketReopened(_TicketEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The help was not enough: the ticket counts as rework."""

    wire_type = "com.tandem.customer.ticket.reopened.v1"
    topic = "customer"
    from_partners = True
