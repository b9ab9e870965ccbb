"""Databases as older versions left them: migrated up to some revision and no further."""

from __future__ import annotations

from typing import Any

import asyncpg
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from chassis.migrations import scripts_of


async def migrate_to(revision: str, url: str) -> None:
    scripts = scripts_of("metrics")

    def steps(current: Any, _context: Any) -> list[Any]:
        return list(scripts._upgrade_revs(revision, current))

    def upgrade(connection: Connection) -> None:
        with EnvironmentContext(Config(), scripts, fn=steps) as environment:
            environment.configure(connection=connection)
            with connection.begin():
                environment.run_migrations()

    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(url)
    )
    async with engine.connect() as connection:
        await connection.run_sync(upgrade)
    await engine.dispose()
