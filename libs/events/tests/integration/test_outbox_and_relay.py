"""From the transaction to the log: nothing without its row, nothing lost, order kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from events import (
    Event,
    EventTooLarge,
    Relay,
    TopicMissing,
    append_asyncpg,
    together,
)
from events.outbox import SHARDS, shard_of
from events.sqlalchemy import driver_of, outbox_table

WAITING = "SELECT count(*) FROM outbox"
OWNERS = """
SELECT array_agg(shards ORDER BY shards) FROM (
    SELECT count(*) AS shards FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock'
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    GROUP BY pid) relays"""


@pytest.fixture
async def engine(database: str, pool: Any) -> AsyncIterator[AsyncEngine]:
    made = create_async_engine(database.replace("postgresql://", "postgresql+asyncpg://"))
    yield made
    await made.dispose()


async def append(session: AsyncSession, events: list[Event]) -> None:
    await append_asyncpg(await driver_of(session), events)


async def test_events_of_a_session_are_promised_with_its_commit_and_not_before(
    engine: AsyncEngine, pool: Any, make_event: Any
) -> None:
    async with AsyncSession(engine) as session:
        await append(session, [make_event("a", 1), make_event("a", 2)])
        assert await pool.fetchval(WAITING) == 0
        await session.commit()
        assert await pool.fetchval(WAITING) == 2

        await append(session, [make_event("a", 3)])  # the transaction's first statement
        await append(session, [make_event("a", 4)])
        await session.rollback()
    assert await pool.fetchval(WAITING) == 2


async def test_a_version_is_promised_once(engine: AsyncEngine, pool: Any, make_event: Any) -> None:
    async with AsyncSession(engine) as session, session.begin():
        await append(session, [make_event("a", 1)])
    async with AsyncSession(engine) as session:
        with pytest.raises(asyncpg.UniqueViolationError, match="outbox_version_is_unique"):
            await append(session, [make_event("a", 1)])
    with pytest.raises(asyncpg.UniqueViolationError):
        await append_asyncpg(pool, [make_event("a", 1)])


@pytest.mark.parametrize("count", [0, 1, 3])
@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO thing VALUES ($1) RETURNING name || $2",
        """
        WITH made AS (INSERT INTO thing VALUES ($1) RETURNING name)
        SELECT name || $2 FROM made""",
    ],
)
async def test_a_statement_of_the_business_promises_its_events_itself(
    pool: Any, make_event: Any, count: int, statement: str
) -> None:
    await pool.execute("CREATE TABLE IF NOT EXISTS thing (name text)")
    events = [make_event("a", n + 1) for n in range(count)]
    assert await pool.fetchval(*together(statement, "b", "c", events=events)) == "bc"
    assert await pool.fetch("SELECT * FROM thing") == [("b",)]
    promised = await pool.fetch("SELECT event_id, aggregate_version FROM outbox ORDER BY id")
    assert promised == [(event.id, event.sequence) for event in events]
    if events:
        with pytest.raises(asyncpg.UniqueViolationError):
            await pool.fetchval(*together(statement, "d", "e", events=events))
        assert await pool.fetchval("SELECT count(*) FROM thing") == 1


async def test_an_event_that_the_log_would_refuse_is_not_promised(
    pool: Any, make_event: Any
) -> None:
    with pytest.raises(EventTooLarge, match="bytes of"):
        await append_asyncpg(pool, [make_event("x" * 600_000, 1)])


async def test_the_declared_table_is_the_one_that_the_ddl_makes(
    engine: AsyncEngine, pool: Any
) -> None:
    """Alembic compares services' metadata with their databases: the two must agree."""
    declared = outbox_table(sa.MetaData())
    async with engine.connect() as connection:
        found = await connection.run_sync(lambda c: sa.inspect(c).get_columns("outbox"))

    dialect = engine.dialect
    assert {c["name"]: (c["type"].compile(dialect), c["nullable"]) for c in found} == {
        c.name: (c.type.compile(dialect), bool(c.nullable)) for c in declared.columns
    }


async def test_an_outbox_is_emptied_in_order_and_events_arrive_as_they_were_promised(
    world: Any, database: str, make_event: Any
) -> None:
    events = [make_event(f"s{n % 9}", n // 9 + 1) for n in range(900)]
    await append_asyncpg(world.pool, events, topic=world.topic)
    async with world.relaying(database) as watching:
        await world.until(WAITING, 0)
        await append_asyncpg(world.pool, [make_event("late", 1)], topic=world.topic)
        await world.until(WAITING, 0)

    assert watching.published_count == 901
    expected = {f"s{n}": list(range(1, 101)) for n in range(9)} | {"late": [1]}
    assert await world.on_the_log() == expected


async def test_what_the_log_has_is_gone_from_the_outbox_when_the_relay_stops(
    world: Any, database: str, make_event: Any
) -> None:
    await append_asyncpg(world.pool, [make_event("a", 1)], topic=world.topic)
    async with world.relaying(database) as watching, asyncio.timeout(15):
        while not watching.published_count:  # noqa: ASYNC110
            await asyncio.sleep(0)
    assert await world.pool.fetchval(WAITING) == 0


async def test_a_transaction_that_commits_late_is_not_skipped(
    world: Any, database: str, make_event: Any
) -> None:
    async with world.relaying(database), world.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await append_asyncpg(connection, [make_event("late", 1)], topic=world.topic)
        await append_asyncpg(world.pool, [make_event("early", 1)], topic=world.topic)
        await world.until("SELECT count(*) FROM outbox WHERE aggregateid = 'early'", 0)
        await transaction.commit()
        await world.until(WAITING, 0)

    assert await world.on_the_log() == {"early": [1], "late": [1]}


async def test_two_relays_share_an_outbox_without_doubles(
    world: Any, database: str, make_event: Any
) -> None:
    async with (
        world.relaying(database) as first,
        world.relaying(database) as second,
    ):
        await world.until(OWNERS, [SHARDS // 2, SHARDS // 2])
        for sequence in range(1, 6):
            events = [make_event(f"s{n}", sequence) for n in range(40)]
            await append_asyncpg(world.pool, events, topic=world.topic)
        await world.until(WAITING, 0)

    assert first.published_count + second.published_count == 200
    assert first.published_count
    assert second.published_count
    assert await world.on_the_log() == {f"s{n}": [1, 2, 3, 4, 5] for n in range(40)}


async def test_a_relay_takes_over_the_shards_of_one_that_died(
    world: Any, database: str, make_event: Any
) -> None:
    async with world.relaying(database) as successor:
        async with world.relaying(database):
            await world.until(OWNERS, [SHARDS // 2, SHARDS // 2])
        await append_asyncpg(
            world.pool, [make_event(f"s{n}", 1) for n in range(20)], topic=world.topic
        )
        await world.until(WAITING, 0)
        assert successor.published_count == 20


async def test_an_error_of_the_log_ends_the_relay_and_keeps_the_events(
    world: Any, database: str, make_event: Any
) -> None:
    await append_asyncpg(world.pool, [make_event("a", 1)], topic="nowhere")
    with pytest.raises(TopicMissing, match="nowhere"):
        await asyncio.wait_for(Relay(world.log, {"test": database}).run(asyncio.Event()), 10)

    assert await world.pool.fetchval(WAITING) == 1


def test_an_aggregate_always_goes_to_the_same_shard() -> None:
    assert {shard_of("deal-1") for _ in range(3)} == {shard_of("deal-1")}
    assert {shard_of(f"deal-{n}") for n in range(200)} == set(range(SHARDS))
