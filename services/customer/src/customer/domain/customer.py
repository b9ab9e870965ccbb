"""A customer: whom we sell to, and the attributes that its sales are cut by.

Invariant: every version but none other has exactly one event, so the versions
of a customer are contiguous on the log. A change of only the name or the team
therefore has its event too, with the name left out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from customer.errors import OccurredBeforeLastChange
from events.types.customer import CustomerProfileChanged, CustomerRegistered, CustomerState


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerProfile:
    """What users say about a customer. `team` decides who may see it; None: everybody."""

    name: str
    external_ref: str | None = None
    segment: str | None = None
    sector: str | None = None
    region: str | None = None
    channel: str | None = None
    owner_id: str | None = None
    team: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """A company or person that we sell to."""

    id: str
    version: int
    profile: CustomerProfile
    registered_at: datetime
    changed_at: datetime

    @property
    def team(self) -> str | None:
        return self.profile.team

    @classmethod
    def register(
        cls, profile: CustomerProfile, *, customer_id: str, at: datetime
    ) -> tuple[Customer, CustomerRegistered]:
        """The customer becomes known to us."""
        customer = cls(id=customer_id, version=1, profile=profile, registered_at=at, changed_at=at)
        return customer, CustomerRegistered(customer=customer.state())

    def change(
        self, profile: CustomerProfile, *, at: datetime
    ) -> tuple[Customer, CustomerProfileChanged | None]:
        """Put `profile` in place of the present one; no event when they are equal.

        Raises OccurredBeforeLastChange when `at` precedes the last change.
        """
        if profile == self.profile:
            return self, None
        if at < self.changed_at:
            raise OccurredBeforeLastChange(self.changed_at)
        changed = replace(self, version=self.version + 1, profile=profile, changed_at=at)
        return changed, CustomerProfileChanged(customer=changed.state())

    def state(self) -> CustomerState:
        """What others may know of it: no name."""
        profile = self.profile
        return CustomerState(
            customer_id=self.id,
            owner_id=profile.owner_id,
            channel=profile.channel,
            segment=profile.segment,
            sector=profile.sector,
            region=profile.region,
        )
