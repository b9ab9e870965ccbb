"""The tables of the customer database.

Invariant: the schema of these classes is what the migrations make; a test
compares them. They stand in a registry of their own, since SQLModel's default
one is shared by every service that a process happens to import.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Final

from sqlalchemy import ARRAY, TIMESTAMP, Index, MetaData, Text, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from events.sqlalchemy import outbox_table

_INSTANT: Final[Any] = TIMESTAMP(timezone=True)
_KEY: Final[Any] = Text(collation="C")
"""Ids and references compare by bytes: the order of keyset pages must not depend on a locale."""


class Table(SQLModel, registry=registry(metadata=MetaData())):
    """Base of the rows of this service."""


class CustomerRow(Table, table=True):
    __tablename__: ClassVar[Any] = "customers"
    __table_args__: ClassVar[Any] = (
        Index("customers_team", "team", "id"),
        Index("customers_owner", "owner_id", "id"),
    )

    id: str = Field(primary_key=True, sa_type=_KEY)
    version: int
    external_ref: str | None = Field(default=None, unique=True, sa_type=_KEY)
    name: str = Field(sa_type=Text)
    segment: str | None = Field(default=None, sa_type=Text)
    sector: str | None = Field(default=None, sa_type=Text)
    region: str | None = Field(default=None, sa_type=Text)
    channel: str | None = Field(default=None, sa_type=Text)
    owner_id: str | None = Field(default=None, sa_type=_KEY)
    team: str | None = Field(default=None, sa_type=Text)
    registered_at: datetime = Field(sa_type=_INSTANT)
    changed_at: datetime = Field(sa_type=_INSTANT)


# Finds names by their beginning, which a locale's own order would not allow.
Index(
    "customers_name",
    func.lower(CustomerRow.name).label("lowered"),
    postgresql_ops={"lowered": "text_pattern_ops"},
)


class ContactRow(Table, table=True):
    __tablename__: ClassVar[Any] = "contacts"
    __table_args__: ClassVar[Any] = (Index("contacts_customer", "customer_id", "id"),)

    id: str = Field(primary_key=True, sa_type=_KEY)
    customer_id: str = Field(foreign_key="customers.id", sa_type=_KEY)
    version: int
    name: str = Field(sa_type=Text)
    email: str | None = Field(default=None, sa_type=Text)
    phone: str | None = Field(default=None, sa_type=Text)
    role: str | None = Field(default=None, sa_type=Text)
    created_at: datetime = Field(sa_type=_INSTANT)
    changed_at: datetime = Field(sa_type=_INSTANT)


class LeadRow(Table, table=True):
    __tablename__: ClassVar[Any] = "leads"
    __table_args__: ClassVar[Any] = (
        Index("leads_team", "team", "id"),
        Index("leads_owner", "owner_id", "id"),
        Index("leads_status", "status", "id"),
        Index("leads_customer", "customer_id"),
    )

    id: str = Field(primary_key=True, sa_type=_KEY)
    version: int
    status: str = Field(sa_type=Text)
    external_ref: str | None = Field(default=None, unique=True, sa_type=_KEY)
    name: str | None = Field(default=None, sa_type=Text)
    email: str | None = Field(default=None, sa_type=Text)
    phone: str | None = Field(default=None, sa_type=Text)
    channel: str | None = Field(default=None, sa_type=Text)
    segment: str | None = Field(default=None, sa_type=Text)
    sector: str | None = Field(default=None, sa_type=Text)
    region: str | None = Field(default=None, sa_type=Text)
    product: str | None = Field(default=None, sa_type=Text)
    campaign_id: str | None = Field(default=None, sa_type=_KEY)
    owner_id: str | None = Field(default=None, sa_type=_KEY)
    team: str | None = Field(default=None, sa_type=Text)
    captured_at: datetime = Field(sa_type=_INSTANT)
    contacted_at: datetime | None = Field(default=None, sa_type=_INSTANT)
    qualified_at: datetime | None = Field(default=None, sa_type=_INSTANT)
    disqualified_at: datetime | None = Field(default=None, sa_type=_INSTANT)
    disqualified_reason: str | None = Field(default=None, sa_type=Text)
    disqualified_note: str | None = Field(default=None, sa_type=Text)
    converted_at: datetime | None = Field(default=None, sa_type=_INSTANT)
    customer_id: str | None = Field(default=None, foreign_key="customers.id", sa_type=_KEY)
    contact_id: str | None = Field(default=None, sa_type=_KEY)
    deal: dict[str, Any] | None = Field(default=None, sa_type=JSONB(none_as_null=True))
    changed_at: datetime = Field(sa_type=_INSTANT)


class ChangeRow(Table, table=True):
    """Which fields a version changed, and by whom: names only, so that erasing stays simple."""

    __tablename__: ClassVar[Any] = "changes"

    subject_id: str = Field(primary_key=True, sa_type=_KEY)
    version: int = Field(primary_key=True)
    fields: list[str] = Field(sa_type=ARRAY(Text))
    actor: str = Field(sa_type=Text)
    recorded_at: datetime = Field(sa_type=_INSTANT)


METADATA: Final = Table.metadata
outbox_table(METADATA)
