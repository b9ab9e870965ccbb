"""The conversion of a lead: one command, done once, however often it is sent."""

from __future__ import annotations

from chassis.types import Code, CurrencyCode, Id, Instant, MinorAmount, StrictModel, Text
from chassis.work import Work
from customer.api.contacts import NewContact
from customer.api.customers import CustomerAttributes
from customer.api.guards import refuse_foreign_team
from customer.domain import (
    Contact,
    ContactDetails,
    Conversion,
    Customer,
    CustomerProfile,
    Lead,
    LeadProfile,
)
from customer.errors import ContradictsItself, CustomerNameMissing, CustomerUnknown
from customer.store import Customers, Leads
from customer.store.contacts import add_contacts
from events import uuid7
from events.types.customer import DealRequest

_INHERITED = ("segment", "sector", "region", "channel", "owner_id", "team")


class RequestedAmount(StrictModel):
    """What the deal may be worth."""

    amount_minor: MinorAmount
    currency: CurrencyCode


class DealBody(StrictModel):
    """The deal to open; the default pipeline unless one is named."""

    pipeline: Code | None = None
    amount: RequestedAmount | None = None

    def request(self) -> DealRequest:
        return DealRequest(
            pipeline=self.pipeline,
            amount_minor=self.amount.amount_minor if self.amount else None,
            currency=self.amount.currency if self.amount else None,
        )


class DealView(DealBody):
    """The deal that was asked for; the pipeline opens it soon after."""

    @classmethod
    def of(cls, asked: DealRequest) -> DealView:
        amount = None
        if asked.amount_minor is not None and asked.currency is not None:
            amount = RequestedAmount(amount_minor=asked.amount_minor, currency=asked.currency)
        return cls(pipeline=asked.pipeline, amount=amount)


class ConvertedCustomer(CustomerAttributes):
    """The customer to make; what is left out is taken from the lead."""

    name: Text | None = None

    def profile(self, lead: LeadProfile) -> CustomerProfile:
        """Raises CustomerNameMissing when neither this nor the lead has a name."""
        name = self.name or lead.name
        if name is None:
            raise CustomerNameMissing
        inherited = {field: getattr(lead, field) for field in _INHERITED}
        return CustomerProfile(**inherited | self.model_dump(exclude_unset=True) | {"name": name})


class ConvertLead(StrictModel):
    """Give `customer_id` for an existing customer, or `customer` to say more than the lead does.

    A contact is made of the lead's name unless `contact` says otherwise; null
    makes none.
    """

    customer_id: Id | None = None
    customer: ConvertedCustomer | None = None
    contact: NewContact | None = None
    deal: DealBody | None = None
    occurred_at: Instant | None = None

    def refuse_two_customers(self) -> None:
        """Raise ContradictsItself."""
        if self.customer_id is not None and self.customer is not None:
            raise ContradictsItself(
                "customer_id and customer name two customers",
                field="customer_id",
                hint="give one of them",
            )

    def contact_details(self, lead: LeadProfile) -> ContactDetails | None:
        if self.contact is not None:
            return self.contact.details()
        if "contact" in self.model_fields_set or lead.name is None:
            return None
        return ContactDetails(name=lead.name, email=lead.email, phone=lead.phone)


async def convert_once(work: Work, lead: Lead, command: ConvertLead) -> Lead:
    """Convert the locked lead; a lead that is converted already is answered as it is.

    Raises ContradictsItself, and LeadConvertedOtherwise when the second command
    asks for something else.
    """
    command.refuse_two_customers()
    deal = command.deal.request() if command.deal else None
    if lead.conversion is not None:
        lead.refuse_other_conversion(customer_id=command.customer_id, deal=deal)
        return lead
    at = work.moment(command.occurred_at, not_before=lead.last_step_at)
    # The lead has its say before anything is made; nothing is committed if it refuses later.
    customer_id = command.customer_id or uuid7()
    details = command.contact_details(lead.profile)
    contact_id = uuid7() if details else None
    converted, event = lead.convert(
        Conversion(customer_id=customer_id, contact_id=contact_id, deal=deal), at=at
    )
    if command.customer_id is None:
        profile = (command.customer or ConvertedCustomer()).profile(lead.profile)
        refuse_foreign_team(work.actor, profile.team)
        customer, registered = Customer.register(profile, customer_id=customer_id, at=at)
        await Customers(work).add(customer)
        await work.record(registered, sequence=customer.version, occurred_at=at)
    elif not await Customers(work).by_ids([command.customer_id]):
        raise CustomerUnknown(command.customer_id)
    if details is not None and contact_id is not None:
        contact = Contact.add(details, contact_id=contact_id, customer_id=customer_id, at=at)
        await add_contacts(work, [contact])
    await Leads(work).save(lead, converted)
    await work.record(event, sequence=converted.version, occurred_at=at)
    return converted
