"""Migrations run once, by one process, all or nothing."""

import asyncio

import asyncpg

from chassis.db import Database
from chassis.migrations import migrate, scripts_of
from chassis.schema import Schema, migrations_folder, revisions_in


async def test_tasks_of_one_process_migrate_one_after_the_other(database: str) -> None:
    heads = await asyncio.gather(*(migrate("sample", database) for _ in range(3)))
    assert set(heads) == {"0002"}
    connection = await asyncpg.connect(database)
    try:
        assert await connection.fetchval("SELECT max(version_num) FROM alembic_version") == "0002"
        assert await connection.fetchval("SELECT count(*) FROM alembic_version") == 1
        assert await connection.fetchval("SELECT count(*) FROM notes") == 0
    finally:
        await connection.close()


async def test_an_older_release_goes_on_with_a_newer_schema(database: str) -> None:
    async with Database(database, application_name="test").opened() as opened:
        schema = Schema("sample")
        assert not await schema.is_current(opened)
        await migrate("sample", database)
        assert await schema.is_current(opened)
        await opened.pool.execute("UPDATE alembic_version SET version_num = '0001'")
        assert not await schema.is_current(opened)
        await opened.pool.execute("UPDATE alembic_version SET version_num = '0003'")
        assert await schema.is_current(opened)


async def test_a_service_without_migrations_needs_none(database: str) -> None:
    async with Database(database, application_name="test").opened() as opened:
        assert await Schema("json").is_current(opened)


def test_revisions_are_read_as_alembic_reads_them() -> None:
    scripts = {one.revision: one.down_revision for one in scripts_of("sample").walk_revisions()}
    assert revisions_in(migrations_folder("sample") / "versions") == scripts
