"""The customers and contacts that the converted leads of one batch become.

Invariant: two leads of a batch that name the same customer get the same one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Self

from chassis.work import Work
from customer.api.conversion import ConvertedCustomer, ConvertLead
from customer.api.guards import refuse_foreign_team
from customer.api.imports.outcome import Happened, insert_all
from customer.domain import Contact, Conversion, Customer, Lead
from customer.errors import CustomerUnknown, ExternalRefTaken
from customer.store import Customers
from customer.store.contacts import add_contacts
from events import EventData, uuid7
from events.types.customer import CustomerRegistered


class Conversions:
    """Plans conversions against the customers that are known, and writes what they made."""

    def __init__(
        self, work: Work, *, by_id: Mapping[str, Customer], by_ref: Mapping[str, Customer]
    ) -> None:
        self._work = work
        self._by_id = by_id
        self._by_ref = dict(by_ref)
        self._customers: list[Customer] = []
        self._contacts: list[Contact] = []
        self.happened: list[Happened] = []

    @classmethod
    async def load(cls, work: Work, commands: Sequence[ConvertLead]) -> Self:
        """Read all customers that a batch names, in two statements at most."""
        store = Customers(work)
        ids = [one.customer_id for one in commands if one.customer_id]
        refs = [ref for one in commands if one.customer and (ref := one.customer.external_ref)]
        return cls(
            work,
            by_id=await store.by_ids(ids) if ids else {},
            by_ref=await store.by_refs(refs) if refs else {},
        )

    def convert(self, lead: Lead, command: ConvertLead, *, at: datetime) -> tuple[Lead, EventData]:
        """Plan a lead's conversion; nothing is kept of it when the lead refuses."""
        target, registered = self._target(lead, command, at)
        details = command.contact_details(lead.profile)
        contact = None
        if details is not None:
            contact = Contact.add(details, contact_id=uuid7(), customer_id=target.id, at=at)
        conversion = Conversion(
            customer_id=target.id,
            contact_id=contact.id if contact else None,
            deal=command.deal.request() if command.deal else None,
        )
        converted = lead.convert(conversion, at=at)
        if registered is not None:
            self._keep(target, registered, at)
        if contact is not None:
            self._contacts.append(contact)
        return converted

    def refuse_other(self, lead: Lead, command: ConvertLead) -> None:
        """Raise LeadConvertedOtherwise when the row tells of another conversion."""
        customer_id = command.customer_id
        if known := self._by_ref.get(_reference(command.customer)):
            customer_id = known.id
        deal = command.deal.request() if command.deal else None
        lead.refuse_other_conversion(customer_id=customer_id, deal=deal)

    async def write(self) -> None:
        """Insert what was planned. Raises ReferenceTakenMeanwhile."""
        await insert_all(Customers(self._work), self._customers)
        await add_contacts(self._work, self._contacts)

    def _target(
        self, lead: Lead, command: ConvertLead, at: datetime
    ) -> tuple[Customer, CustomerRegistered | None]:
        if command.customer_id is not None:
            if command.customer_id not in self._by_id:
                raise CustomerUnknown(command.customer_id)
            return self._by_id[command.customer_id], None
        known = self._by_ref.get(_reference(command.customer))
        if known is None:
            profile = (command.customer or ConvertedCustomer()).profile(lead.profile)
            refuse_foreign_team(self._work.actor, profile.team)
            return Customer.register(profile, customer_id=uuid7(), at=at)
        if not self._work.actor.sees(known.team):
            raise ExternalRefTaken(known.profile.external_ref or "", existing_id=None)
        return known, None

    def _keep(self, customer: Customer, registered: CustomerRegistered, at: datetime) -> None:
        self._customers.append(customer)
        self.happened.append((registered, customer.version, at))
        if customer.profile.external_ref is not None:
            self._by_ref[customer.profile.external_ref] = customer


def _reference(customer: ConvertedCustomer | None) -> str:
    return (customer.external_ref if customer else None) or ""
