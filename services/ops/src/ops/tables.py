"""The tables of the ops database.

Invariants: the schema of these classes is what the migrations make; a test
compares them. `version` counts the changes of a row, and `changes` holds one
line for each of them. They stand in a registry of their own, since SQLModel's
default one is shared by every service that a process happens to import.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar, Final

from sqlalchemy import ARRAY, TIMESTAMP, BigInteger, Index, MetaData, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

_INSTANT: Final[Any] = TIMESTAMP(timezone=True)
_KEY: Final[Any] = Text(collation="C")
"""Ids and references compare by bytes: the order of keyset pages must not depend on a locale."""
_TEXT: Final[Any] = Text


class Table(SQLModel, registry=registry(metadata=MetaData())):
    """Base of the rows of this service."""


class _Dimensions(Table):
    """What a fact is cut by; `team` is also who may see the row."""

    team: str | None = Field(default=None, sa_type=_TEXT)
    channel: str | None = Field(default=None, sa_type=_TEXT)
    segment: str | None = Field(default=None, sa_type=_TEXT)
    sector: str | None = Field(default=None, sa_type=_TEXT)
    region: str | None = Field(default=None, sa_type=_TEXT)
    product: str | None = Field(default=None, sa_type=_TEXT)


class ProjectRow(_Dimensions, table=True):
    """A project. Its baselines are frozen and only appended, so they are kept as documents."""

    __tablename__: ClassVar[Any] = "projects"
    __table_args__: ClassVar[Any] = (
        Index("projects_team", "team", "id"),
        Index("projects_customer", "customer_id", "id"),
        Index("projects_owner", "owner_id", "id"),
    )

    id: str = Field(primary_key=True, sa_type=_KEY)
    version: int
    external_ref: str | None = Field(default=None, unique=True, sa_type=_KEY)
    name: str = Field(sa_type=_TEXT)
    stage: str = Field(sa_type=_TEXT)
    start_on: date | None = None
    due_on: date | None = None
    owner_id: str | None = Field(default=None, sa_type=_KEY)
    customer_id: str | None = Field(default=None, sa_type=_KEY)
    budget_minor: int | None = Field(default=None, sa_type=BigInteger)
    budget_currency: str | None = Field(default=None, sa_type=_TEXT)
    budget_rate: str | None = Field(default=None, sa_type=_TEXT)
    budget_rate_on: date | None = None
    progress_by: str = Field(sa_type=_TEXT)
    progress_bp: int
    baselines: list[dict[str, Any]] = Field(sa_type=JSONB)
    created_at: datetime = Field(sa_type=_INSTANT)
    changed_at: datetime = Field(sa_type=_INSTANT)
    started_at: datetime | None = Field(default=None, sa_type=_INSTANT)
    completed_at: datetime | None = Field(default=None, sa_type=_INSTANT)
    accepted_first_time: bool | None = None
    evaluation: str | None = Field(default=None, sa_type=_TEXT)
    closed_at: datetime | None = Field(default=None, sa_type=_INSTANT)
    cancelled_at: datetime | None = Field(default=None, sa_type=_INSTANT)
    import_digest: str | None = Field(default=None, sa_type=_TEXT)


class TaskRow(Table, table=True):
    """A task; `depends_on` are pairs of task id and kind, checked by the domain as a whole."""

    __tablename__: ClassVar[Any] = "tasks"
    __table_args__: ClassVar[Any] = (Index("tasks_project", "project_id", "id"),)

    id: str = Field(primary_key=True, sa_type=_KEY)
    project_id: str = Field(foreign_key="projects.id", sa_type=_KEY)
    version: int
    external_ref: str | None = Field(default=None, sa_type=_KEY)
    title: str = Field(sa_type=_TEXT)
    planned_start_on: date | None = None
    planned_end_on: date | None = None
    effort_minutes: int | None = None
    weight: int
    progress_bp: int
    started_at: datetime | None = Field(default=None, sa_type=_INSTANT)
    finished_at: datetime | None = Field(default=None, sa_type=_INSTANT)
    depends_on: list[dict[str, str]] = Field(sa_type=JSONB)


class CostRow(_Dimensions, table=True):
    __tablename__: ClassVar[Any] = "costs"
    __table_args__: ClassVar[Any] = (
        Index("costs_day", "incurred_on", "id"),
        Index("costs_project", "project_id", "incurred_on", "id"),
    )

    id: str = Field(primary_key=True, sa_type=_KEY)
    version: int
    external_ref: str | None = Field(default=None, unique=True, sa_type=_KEY)
    kind: str = Field(sa_type=_TEXT)
    amount_minor: int = Field(sa_type=BigInteger)
    currency: str = Field(sa_type=_TEXT)
    rate: str | None = Field(default=None, sa_type=_TEXT)
    rate_on: date | None = None
    incurred_on: date
    category: str | None = Field(default=None, sa_type=_TEXT)
    project_id: str | None = Field(default=None, foreign_key="projects.id", sa_type=_KEY)
    process: str | None = Field(default=None, sa_type=_TEXT)
    campaign_id: str | None = Field(default=None, sa_type=_KEY)
    note: str | None = Field(default=None, sa_type=_TEXT)
    changed_at: datetime = Field(sa_type=_INSTANT)
    voided_at: datetime | None = Field(default=None, sa_type=_INSTANT)
    void_reason: str | None = Field(default=None, sa_type=_TEXT)
    import_digest: str | None = Field(default=None, sa_type=_TEXT)


class TimeLogRow(Table, table=True):
    __tablename__: ClassVar[Any] = "time_logs"
    __table_args__: ClassVar[Any] = (
        Index("time_logs_day", "work_date", "id"),
        Index("time_logs_person", "person_id", "work_date", "id"),
        Index("time_logs_project", "project_id", "work_date", "id"),
    )

    id: str = Field(primary_key=True, sa_type=_KEY)
    version: int
    external_ref: str | None = Field(default=None, unique=True, sa_type=_KEY)
    person_id: str = Field(sa_type=_KEY)
    work_date: date
    minutes: int
    team: str | None = Field(default=None, sa_type=_TEXT)
    project_id: str | None = Field(default=None, foreign_key="projects.id", sa_type=_KEY)
    process: str | None = Field(default=None, sa_type=_TEXT)
    note: str | None = Field(default=None, sa_type=_TEXT)
    changed_at: datetime = Field(sa_type=_INSTANT)
    taken_back_at: datetime | None = Field(default=None, sa_type=_INSTANT)
    import_digest: str | None = Field(default=None, sa_type=_TEXT)


class ChangeRow(Table, table=True):
    """One line of the audit: who changed which fields of what, when, and why."""

    __tablename__: ClassVar[Any] = "changes"

    subject_id: str = Field(primary_key=True, sa_type=_KEY)
    version: int = Field(primary_key=True)
    act: str = Field(sa_type=_TEXT)
    fields: list[str] = Field(sa_type=ARRAY(Text))
    stage: str | None = Field(default=None, sa_type=_TEXT)
    note: str | None = Field(default=None, sa_type=_TEXT)
    actor: str = Field(sa_type=_TEXT)
    occurred_at: datetime = Field(sa_type=_INSTANT)
    recorded_at: datetime = Field(sa_type=_INSTANT)


class CustomerRow(Table, table=True):
    """What ops keeps of a customer, from the topic `customer`, to tell where projects belong."""

    __tablename__: ClassVar[Any] = "customers"

    id: str = Field(primary_key=True, sa_type=_KEY)
    channel: str | None = Field(default=None, sa_type=_TEXT)
    segment: str | None = Field(default=None, sa_type=_TEXT)
    sector: str | None = Field(default=None, sa_type=_TEXT)
    region: str | None = Field(default=None, sa_type=_TEXT)
