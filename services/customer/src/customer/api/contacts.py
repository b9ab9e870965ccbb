"""/v1/customers/{id}/contacts: people at a customer. Their data leave only by these answers."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Annotated

from fastapi import APIRouter, Depends, Response, status

from chassis.auth import require
from chassis.concurrency import IfMatch, set_etag
from chassis.paging import Page, PageDep
from chassis.types import Id, Instant, StrictModel, Text
from chassis.work import WorkDep
from customer.api.fields import Email, Identity, KeptText, Phone
from customer.api.guards import refuse_stale
from customer.domain import Contact, ContactDetails
from customer.store import Contacts, Customers
from customer.store.contacts import add_contacts
from events import uuid7

router = APIRouter(prefix="/v1/customers/{customer_id}/contacts", tags=["contacts"])


class NewContact(StrictModel):
    """`role` is what the person decides or does there."""

    name: Text
    email: Email | None = None
    phone: Phone | None = None
    role: Text | None = None

    def details(self) -> ContactDetails:
        return ContactDetails(**self.model_dump())


class ContactPatch(StrictModel):
    """What is left out stays; null takes a value away."""

    name: KeptText = None
    email: Email | None = None
    phone: Phone | None = None
    role: Text | None = None

    def applied_to(self, details: ContactDetails) -> ContactDetails:
        return replace(details, **{name: getattr(self, name) for name in self.model_fields_set})


class ContactView(Identity):
    """A contact as it is now."""

    customer_id: Id
    name: str
    email: str | None
    phone: str | None
    role: str | None
    created_at: Instant
    changed_at: Instant

    @classmethod
    def of(cls, contact: Contact) -> ContactView:
        return cls(
            id=contact.id,
            customer_id=contact.customer_id,
            version=contact.version,
            created_at=contact.created_at,
            changed_at=contact.changed_at,
            **asdict(contact.details),
        )


async def _contacts(customer_id: Id, work: WorkDep) -> Contacts:
    await Customers(work).get(customer_id)
    return Contacts(work, customer_id=customer_id)


ContactsDep = Annotated[Contacts, Depends(_contacts)]
"""The contacts of a customer that the caller may see."""


@router.post("", status_code=status.HTTP_201_CREATED, dependencies=[require("customers:write")])
async def add_contact(
    customer_id: Id, body: NewContact, work: WorkDep, _contacts: ContactsDep, response: Response
) -> ContactView:
    contact = Contact.add(
        body.details(), contact_id=uuid7(), customer_id=customer_id, at=work.now()
    )
    await add_contacts(work, [contact])
    set_etag(response, contact.version)
    response.headers["Location"] = f"/v1/customers/{customer_id}/contacts/{contact.id}"
    return ContactView.of(contact)


@router.get("", dependencies=[require("customers:read")])
async def list_contacts(contacts: ContactsDep, page: PageDep) -> Page[ContactView]:
    """List the contacts of a customer, the newest first."""
    found = await contacts.find(after=page.after(str), limit=page.fetch)
    return page.page(found, view=ContactView.of, key=lambda contact: contact.id)


@router.get("/{contact_id}", dependencies=[require("customers:read")])
async def read_contact(contact_id: Id, contacts: ContactsDep, response: Response) -> ContactView:
    contact = await contacts.get(contact_id)
    set_etag(response, contact.version)
    return ContactView.of(contact)


@router.patch("/{contact_id}", dependencies=[require("customers:write")])
async def change_contact(
    contact_id: Id,
    body: ContactPatch,
    *,
    contacts: ContactsDep,
    work: WorkDep,
    expected: IfMatch,
    response: Response,
) -> ContactView:
    contact = await contacts.lock(contact_id)
    await refuse_stale(work, expected, ContactView.of(contact))
    changed = contact.change(body.applied_to(contact.details), at=work.now())
    if changed is not contact:
        await contacts.save(contact, changed)
    set_etag(response, changed.version)
    return ContactView.of(changed)


@router.delete(
    "/{contact_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    dependencies=[require("customers:write")],
)
async def erase_contact(contact_id: Id, contacts: ContactsDep) -> None:
    """Erase a person's data for good. No event tells of it, as none told of the person."""
    await contacts.erase(await contacts.lock(contact_id))
