"""The tables in the code are those that the migrations make."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.ext.asyncio import create_async_engine

from pipeline.tables import METADATA


async def test_migrations_make_what_the_tables_say(new_database: Callable[[str], str]) -> None:
    url = new_database("pipeline").replace("postgresql://", "postgresql+asyncpg://", 1)
    engine = create_async_engine(url)

    def differences(connection: sa.Connection) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found = compare_metadata(context, METADATA)
        # Comments are for people at a psql prompt; the consumer's tables are the library's.
        return [
            one for one in found if "_comment'" not in repr(one) and "consumer_" not in repr(one)
        ]

    try:
        async with engine.connect() as connection:
            assert await connection.run_sync(differences) == []
    finally:
        await engine.dispose()
