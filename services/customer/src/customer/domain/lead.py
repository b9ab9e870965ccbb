"""A lead: somebody's interest, on its way to a customer or to a refusal.

    new ──> contacted ──> qualified ──> converted
     └──────────────────────^ │
     └───────────┴────────────┴───────> disqualified

Invariants: the moments of its steps never run backwards; `converted` and
`disqualified` end it; every version has exactly one event.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from customer.errors import (
    LeadAlreadyContacted,
    LeadAlreadyConverted,
    LeadAlreadyDisqualified,
    LeadAlreadyQualified,
    LeadConvertedOtherwise,
    LeadNotQualified,
    OccurredBeforeLastChange,
)
from events.types import Dimensions
from events.types.customer import (
    DealRequest,
    DisqualificationReason,
    LeadCaptured,
    LeadContacted,
    LeadConverted,
    LeadDetailsChanged,
    LeadDisqualified,
    LeadQualified,
    LeadState,
    LeadStatus,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadProfile:
    """What users say about a lead. `name`, `email` and `phone` never leave this service."""

    name: str | None = None
    email: str | None = None
    phone: str | None = None
    external_ref: str | None = None
    channel: str | None = None
    segment: str | None = None
    sector: str | None = None
    region: str | None = None
    product: str | None = None
    campaign_id: str | None = None
    owner_id: str | None = None
    team: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """What a lead became: a customer, a contact when it named a person, a deal if asked for."""

    customer_id: str
    contact_id: str | None = None
    deal: DealRequest | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """Somebody who showed interest. It stays when it is converted, linked to its customer."""

    id: str
    version: int
    status: LeadStatus
    profile: LeadProfile
    captured_at: datetime
    changed_at: datetime
    contacted_at: datetime | None = None
    qualified_at: datetime | None = None
    disqualified_at: datetime | None = None
    disqualified_reason: DisqualificationReason | None = None
    disqualified_note: str | None = None
    converted_at: datetime | None = None
    conversion: Conversion | None = None

    @property
    def team(self) -> str | None:
        return self.profile.team

    @property
    def last_step_at(self) -> datetime:
        """When it last moved; a correction of its details is no step."""
        steps = (self.contacted_at, self.qualified_at, self.disqualified_at, self.converted_at)
        return max([self.captured_at, *(step for step in steps if step is not None)])

    @classmethod
    def capture(
        cls, profile: LeadProfile, *, lead_id: str, at: datetime
    ) -> tuple[Lead, LeadCaptured]:
        """Somebody shows interest for the first time."""
        lead = cls(
            id=lead_id, version=1, status="new", profile=profile, captured_at=at, changed_at=at
        )
        return lead, LeadCaptured(lead=lead.state())

    def change(
        self, profile: LeadProfile, *, at: datetime
    ) -> tuple[Lead, LeadDetailsChanged | None]:
        """Put `profile` in place of the present one; no event when they are equal."""
        if profile == self.profile:
            return self, None
        changed = replace(
            self, version=self.version + 1, profile=profile, changed_at=max(at, self.changed_at)
        )
        return changed, LeadDetailsChanged(lead=changed.state())

    def contact(self, *, at: datetime) -> tuple[Lead, LeadContacted]:
        """We reach the lead for the first time.

        Raises LeadAlreadyContacted, also when it was qualified without a contact.
        """
        self._refuse_if_ended()
        if self.status != "new":
            raise LeadAlreadyContacted(self.id)
        moved = replace(self._step(at), status="contacted", contacted_at=at)
        return moved, LeadContacted(lead=moved.state())

    def qualify(self, *, at: datetime) -> tuple[Lead, LeadQualified]:
        """The lead is worth a salesperson's time. Raises LeadAlreadyQualified."""
        self._refuse_if_ended()
        if self.status == "qualified":
            raise LeadAlreadyQualified(self.id)
        moved = replace(self._step(at), status="qualified", qualified_at=at)
        return moved, LeadQualified(lead=moved.state())

    def disqualify(
        self, *, reason: DisqualificationReason, at: datetime, note: str | None = None
    ) -> tuple[Lead, LeadDisqualified]:
        """The lead will not become a customer. The note stays here: people write names."""
        self._refuse_if_ended()
        moved = replace(
            self._step(at),
            status="disqualified",
            disqualified_at=at,
            disqualified_reason=reason,
            disqualified_note=note,
        )
        return moved, LeadDisqualified(lead=moved.state(), reason=reason)

    def convert(self, conversion: Conversion, *, at: datetime) -> tuple[Lead, LeadConverted]:
        """The lead becomes a customer.

        Raises LeadNotQualified, and LeadAlreadyConverted: whoever makes the
        command idempotent asks `refuse_other_conversion` first.
        """
        self._refuse_if_ended()
        if self.status != "qualified":
            raise LeadNotQualified(self.id)
        moved = replace(self._step(at), status="converted", converted_at=at, conversion=conversion)
        return moved, LeadConverted(lead=moved.state(), deal=conversion.deal)

    def refuse_other_conversion(self, *, customer_id: str | None, deal: DealRequest | None) -> None:
        """Raise LeadConvertedOtherwise when this converted lead became something else.

        None asks for nothing in particular and agrees with whatever was made.
        """
        made = self.conversion
        if made is None:
            return
        if customer_id not in (None, made.customer_id) or deal not in (None, made.deal):
            raise LeadConvertedOtherwise(self.id, made.customer_id)

    def state(self) -> LeadState:
        """What others may know of it: no name, mail or phone."""
        profile = self.profile
        return LeadState(
            lead_id=self.id,
            status=self.status,
            captured_at=self.captured_at,
            owner_id=profile.owner_id,
            dimensions=Dimensions(
                team=profile.team,
                channel=profile.channel,
                segment=profile.segment,
                sector=profile.sector,
                region=profile.region,
                product=profile.product,
            ),
            campaign_id=profile.campaign_id,
            customer_id=self.conversion.customer_id if self.conversion else None,
        )

    def _step(self, at: datetime) -> Lead:
        if at < self.last_step_at:
            raise OccurredBeforeLastChange(self.last_step_at)
        return replace(self, version=self.version + 1, changed_at=max(at, self.changed_at))

    def _refuse_if_ended(self) -> None:
        if self.status == "converted":
            raise LeadAlreadyConverted(self.id)
        if self.status == "disqualified":
            raise LeadAlreadyDisqualified(self.id)
