"""For services whose rows are SQLAlchemy's models: its sessions, and the outbox as its table.

Not imported by the rest of the package: SQLAlchemy is a quarter of the start of a process, and the
relay, consumers and ingestion do without it.
"""

from __future__ import annotations

from typing import Any

import asyncpg
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession


async def driver_of(session: AsyncSession) -> asyncpg.Connection[Any]:
    """The asyncpg connection under the session, inside the session's transaction."""
    connection = await session.connection()
    raw = await connection.get_raw_connection()
    driver = raw.driver_connection
    assert isinstance(driver, asyncpg.Connection)
    if not driver.is_in_transaction():
        # The adapter begins the transaction with the first statement that goes through it, which
        # would have to be one for nothing: a round trip of every command.
        adapter: Any = raw.dbapi_connection
        await adapter._start_transaction()  # noqa: SLF001 - no other way
    return driver


def outbox_table(metadata: sa.MetaData) -> sa.Table:
    """The outbox for a service's metadata, so that Alembic knows that it belongs there.

    The table itself is made by `schema_sql.OUTBOX_SQL`.
    """
    text, instant = sa.Text(), sa.DateTime(timezone=True)
    return sa.Table(
        "outbox",
        metadata,
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("event_id", text, nullable=False),
        sa.Column("aggregatetype", text, nullable=False),
        sa.Column("aggregateid", text, nullable=False),
        sa.Column("aggregate_version", sa.BigInteger(), nullable=False),
        sa.Column("type", text, nullable=False),
        sa.Column("payload", postgresql.JSON(), nullable=False),
        sa.Column("source", text, nullable=False),
        sa.Column("occurred_at", instant, nullable=False),
        sa.Column("recorded_at", instant, nullable=False),
        sa.Column("traceparent", text),
        sa.Column("extensions", postgresql.JSON()),
        sa.Column("shard", sa.SmallInteger(), nullable=False),
        sa.UniqueConstraint(
            *("aggregatetype", "source", "aggregateid", "aggregate_version"),
            name="outbox_version_is_unique",
        ),
    )
