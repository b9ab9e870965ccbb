"""A contact: a person at a customer. Personal data, so it causes no events at all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactDetails:
    """How to reach a person and what they decide."""

    name: str
    email: str | None = None
    phone: str | None = None
    role: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A person at a customer; visible to whoever may see the customer."""

    id: str
    customer_id: str
    version: int
    details: ContactDetails
    created_at: datetime
    changed_at: datetime

    @classmethod
    def add(
        cls, details: ContactDetails, *, contact_id: str, customer_id: str, at: datetime
    ) -> Contact:
        return cls(
            id=contact_id,
            customer_id=customer_id,
            version=1,
            details=details,
            created_at=at,
            changed_at=at,
        )

    def change(self, details: ContactDetails, *, at: datetime) -> Contact:
        """Put `details` in place of the present ones; the same contact when they are equal."""
        if details == self.details:
            return self
        return replace(self, version=self.version + 1, details=details, changed_at=at)
