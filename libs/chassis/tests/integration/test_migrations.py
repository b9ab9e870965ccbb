"""Migrations run once, by one process, all or nothing."""

import asyncio

import asyncpg
import pytest

from chassis.db import Database
from chassis.migrate import main
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


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "usage:"),
        (["nothing_like_this"], 2, "there is no service nothing_like_this"),
        (["json"], 2, "carries no migrations"),
        (["sample"], 1, "cannot be reached"),
    ],
)
def test_a_migration_that_cannot_be_says_why(
    arguments: list[str],
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    assert main(arguments) == code
    [line] = capsys.readouterr().err.splitlines()
    assert said in line


def test_a_migration_without_a_database_url_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    assert main(["sample"]) == 2
    assert "DATABASE_URL is not set" in capsys.readouterr().err
