"""The tables of the code are those that the migrations make."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from ops.tables import Table

pytestmark = pytest.mark.asyncio

_MACHINERY = ("consumer_", "outbox", "alembic_version")
"""Made from constants of the events library, which tests them."""


async def test_the_migrated_schema_is_that_of_the_tables(
    new_database: Callable[[str], str],
) -> None:
    url = new_database("ops")
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(url)
    )
    async with engine.connect() as connection:
        assert await connection.run_sync(_differences) == []
    await engine.dispose()


def _differences(connection: Connection) -> list[Any]:
    def ours(name: str | None, kind: str, _parents: Any) -> bool:
        return kind != "table" or not (name or "").startswith(_MACHINERY)

    context = MigrationContext.configure(
        connection, opts={"include_name": ours, "compare_type": True, "target_metadata": None}
    )
    return list(compare_metadata(context, Table.metadata))
