"""Contacts in PostgreSQL: those of a customer that was found visible before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import delete, insert, update
from sqlmodel import col, select

from chassis.work import Work
from customer.domain import Contact, ContactDetails
from customer.domain.changes import changed_fields
from customer.errors import ContactNotFound
from customer.store.history import Change, note
from customer.tables import ChangeRow, ContactRow


class Contacts:
    """The contacts of one customer."""

    def __init__(self, work: Work, *, customer_id: str) -> None:
        self._work = work
        self._session = work.session
        self._customer_id = customer_id

    async def get(self, contact_id: str) -> Contact:
        """Raises ContactNotFound."""
        return await self._one(contact_id, lock=False)

    async def lock(self, contact_id: str) -> Contact:
        """As `get`, and nobody else can change it until this unit of work ends."""
        return await self._one(contact_id, lock=True)

    async def find(self, *, after: str | None, limit: int) -> list[Contact]:
        query = select(ContactRow).where(ContactRow.customer_id == self._customer_id)
        if after is not None:
            query = query.where(col(ContactRow.id) < after)
        rows = await self._session.exec(query.order_by(col(ContactRow.id).desc()).limit(limit))
        return [_state(row) for row in rows]

    async def save(self, before: Contact, after: Contact) -> None:
        await self._session.exec(
            update(ContactRow).where(col(ContactRow.id) == after.id).values(_values(after))
        )
        fields = changed_fields(before.details, after.details)
        change = Change(subject_id=after.id, version=after.version, fields=fields)
        await note(self._session, [change], actor=self._work.actor.id, at=self._work.now())

    async def erase(self, contact: Contact) -> None:
        """Delete the person's data and what was noted about it; nothing of it is elsewhere."""
        await self._session.exec(delete(ChangeRow).where(col(ChangeRow.subject_id) == contact.id))
        await self._session.exec(delete(ContactRow).where(col(ContactRow.id) == contact.id))

    async def _one(self, contact_id: str, *, lock: bool) -> Contact:
        query = select(ContactRow).where(
            ContactRow.id == contact_id, ContactRow.customer_id == self._customer_id
        )
        found = await self._session.exec(query.with_for_update() if lock else query)
        row = found.one_or_none()
        if row is None:
            raise ContactNotFound(contact_id)
        return _state(row)


async def add_contacts(work: Work, contacts: Sequence[Contact]) -> None:
    """Insert contacts of any customers."""
    if contacts:
        rows = [_values(contact) for contact in contacts]
        await work.session.exec(insert(ContactRow), params=rows)


def _state(row: ContactRow) -> Contact:
    return Contact(
        id=row.id,
        customer_id=row.customer_id,
        version=row.version,
        details=ContactDetails(name=row.name, email=row.email, phone=row.phone, role=row.role),
        created_at=row.created_at,
        changed_at=row.changed_at,
    )


def _values(contact: Contact) -> dict[str, Any]:
    return {
        "id": contact.id,
        "customer_id": contact.customer_id,
        "version": contact.version,
        **asdict(contact.details),
        "created_at": contact.created_at,
        "changed_at": contact.changed_at,
    }
