"""The tables of the pipeline database.

Invariant: the schema of these classes is what the migrations make; a test
compares them. Ids and codes compare by bytes (collation C), so that the order
of keyset pages depends on no locale.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar, Final

from sqlalchemy import TIMESTAMP, BigInteger, Computed, Index, MetaData, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from events.sqlalchemy import outbox_table

_INSTANT: Final[Any] = TIMESTAMP(timezone=True)
_KEY: Final[Any] = Text(collation="C")
_JSON: Final[Any] = JSONB(none_as_null=True)


class Table(SQLModel, registry=registry(metadata=MetaData())):
    """Base of the rows of this service, in a registry of their own."""


class TeamRow(Table, table=True):
    """A team, and the region that it sells in."""

    __tablename__: ClassVar[Any] = "teams"

    code: str = Field(primary_key=True, sa_type=_KEY)
    version: int
    name: str = Field(sa_type=Text)
    region: str | None = Field(default=None, sa_type=Text)


class PersonRow(Table, table=True):
    """Somebody who can own deals."""

    __tablename__: ClassVar[Any] = "people"
    __table_args__: ClassVar[Any] = (Index("people_team", "team", "id"),)

    id: str = Field(primary_key=True, sa_type=_KEY)
    version: int
    external_ref: str | None = Field(default=None, unique=True, sa_type=_KEY)
    name: str = Field(sa_type=Text)
    team: str | None = Field(default=None, foreign_key="teams.code", sa_type=_KEY)


class ProductRow(Table, table=True):
    """Something that is sold, and what it costs before any discount."""

    __tablename__: ClassVar[Any] = "products"

    code: str = Field(primary_key=True, sa_type=_KEY)
    version: int
    name: str = Field(sa_type=Text)
    series: str | None = Field(default=None, sa_type=Text)
    list_price: dict[str, Any] | None = Field(default=None, sa_type=_JSON)


class PipelineRow(Table, table=True):
    """A way of selling; `stages` and `rules` are those of `domain.pipeline`."""

    __tablename__: ClassVar[Any] = "pipelines"

    code: str = Field(primary_key=True, sa_type=_KEY)
    version: int
    name: dict[str, str] = Field(sa_type=_JSON)
    stages: list[dict[str, Any]] = Field(sa_type=_JSON)
    rules: dict[str, bool] = Field(sa_type=_JSON)


class CustomerRow(Table, table=True):
    """What the customer service has told us of a customer; `dimensions` as events carry them."""

    __tablename__: ClassVar[Any] = "customers"

    id: str = Field(primary_key=True, sa_type=_KEY)
    sequence: int = Field(sa_type=BigInteger)
    dimensions: dict[str, Any] = Field(sa_type=_JSON)


class LeadRow(Table, table=True):
    """What the customer service has told us of a lead, as it was when captured."""

    __tablename__: ClassVar[Any] = "leads"

    id: str = Field(primary_key=True, sa_type=_KEY)
    origin: dict[str, Any] = Field(sa_type=_JSON)


class DealRow(Table, table=True):
    """A deal's newest state: the columns are the fields of `domain.deal.Deal`."""

    __tablename__: ClassVar[Any] = "deals"
    __table_args__: ClassVar[Any] = (
        Index("deals_team", "team", "id"),
        Index("deals_stage", "pipeline", "stage", "id"),
        Index("deals_status", "status", "id"),
        Index("deals_customer", "customer_id", "id"),
        Index(
            "deals_owners",
            "owners",
            postgresql_using="gin",
            postgresql_ops={"owners": "jsonb_path_ops"},
        ),
    )

    id: str = Field(primary_key=True, sa_type=_KEY)
    version: int
    pipeline: str = Field(foreign_key="pipelines.code", sa_type=_KEY)
    stage: str = Field(sa_type=_KEY)
    stage_rank: int
    stage_entered_at: datetime = Field(sa_type=_INSTANT)
    status: str = Field(sa_type=_KEY)
    episode: int
    created_at: datetime = Field(sa_type=_INSTANT)
    changed_at: datetime = Field(sa_type=_INSTANT)
    closed_at: datetime | None = Field(default=None, sa_type=_INSTANT)
    closed_from: str | None = Field(default=None, sa_type=_KEY)
    owners: list[dict[str, Any]] = Field(sa_type=_JSON)
    team: str | None = Field(default=None, sa_type=_KEY)
    dimensions: dict[str, Any] = Field(sa_type=_JSON)
    name: str | None = Field(default=None, sa_type=Text)
    customer_id: str | None = Field(default=None, sa_type=_KEY)
    product: str | None = Field(default=None, sa_type=_KEY)
    channel: str | None = Field(default=None, sa_type=Text)
    amount: dict[str, Any] | None = Field(default=None, sa_type=_JSON)
    list_value: dict[str, Any] | None = Field(default=None, sa_type=_JSON)
    expected_close_on: date | None = None
    close_date_pushes: int
    lead: dict[str, Any] | None = Field(default=None, sa_type=_JSON)
    lead_id: str | None = Field(
        default=None,
        unique=True,
        sa_type=_KEY,
        sa_column_args=(Computed("lead ->> 'lead_id'", persisted=True),),
    )
    lost_reason: str | None = Field(default=None, sa_type=Text)
    competitor: str | None = Field(default=None, sa_type=Text)
    lost_note: str | None = Field(default=None, sa_type=Text)
    external_ref: str | None = Field(default=None, unique=True, sa_type=_KEY)
    imported_as: str | None = Field(default=None, sa_type=Text)


class DealStepRow(Table, table=True):
    """A stay of a deal in a stage; the stays of a deal tile its life.

    Without a foreign key, as `deal_changes`: both are only ever written in the
    statement that writes their deal, and imports write thousands at once.
    """

    __tablename__: ClassVar[Any] = "deal_steps"

    deal_id: str = Field(primary_key=True, sa_type=_KEY)
    version: int = Field(primary_key=True)
    episode: int
    from_stage: str | None = Field(default=None, sa_type=_KEY)
    stage: str = Field(sa_type=_KEY)
    entered_at: datetime = Field(sa_type=_INSTANT)
    left_at: datetime | None = Field(default=None, sa_type=_INSTANT)
    actor: str = Field(sa_type=_KEY)
    override_reason: str | None = Field(default=None, sa_type=Text)


class DealChangeRow(Table, table=True):
    """What a version of a deal changed (field to before and after), by whom and why."""

    __tablename__: ClassVar[Any] = "deal_changes"

    deal_id: str = Field(primary_key=True, sa_type=_KEY)
    version: int = Field(primary_key=True)
    kind: str = Field(sa_type=Text)
    occurred_at: datetime = Field(sa_type=_INSTANT)
    recorded_at: datetime = Field(sa_type=_INSTANT)
    actor: str = Field(sa_type=_KEY)
    reason: str | None = Field(default=None, sa_type=Text)
    changed: dict[str, list[Any]] = Field(sa_type=_JSON)


class TargetRow(Table, table=True):
    """A target's newest revision."""

    __tablename__: ClassVar[Any] = "targets"
    __table_args__: ClassVar[Any] = (
        Index(
            "targets_key",
            *("kpi", "scope", "scope_value", "second_scope", "second_scope_value", "period"),
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
    )

    id: str = Field(primary_key=True, sa_type=_KEY)
    version: int
    external_ref: str | None = Field(default=None, unique=True, sa_type=_KEY)
    kpi: str = Field(sa_type=_KEY)
    scope: str = Field(sa_type=_KEY)
    scope_value: str | None = Field(default=None, sa_type=_KEY)
    second_scope: str | None = Field(default=None, sa_type=_KEY)
    second_scope_value: str | None = Field(default=None, sa_type=_KEY)
    period: str = Field(sa_type=_KEY)
    value: int | None = Field(default=None, sa_type=BigInteger)
    currency: str | None = Field(default=None, sa_type=Text)
    changed_at: datetime = Field(sa_type=_INSTANT)
    team: str | None = Field(default=None, sa_type=_KEY)


METADATA: Final = Table.metadata
outbox_table(METADATA)
