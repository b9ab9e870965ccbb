"""The relay while a database is away, or is not what it should be."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

from events import append_asyncpg, schema_sql
from events.relay.relay import NotMigrated

WAITING = "SELECT count(*) FROM outbox"


async def test_a_lost_database_connection_is_taken_up_again(
    world: Any, database: str, make_event: Any
) -> None:
    async with world.relaying(database) as watching:
        await append_asyncpg(world.pool, [make_event("a", 1)], topic=world.topic)
        await world.until(WAITING, 0)
        await world.pool.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        await append_asyncpg(world.pool, [make_event("a", 2)], topic=world.topic)
        await world.until(WAITING, 0)

    assert watching.unreachable
    assert set((await world.on_the_log())["a"]) == {1, 2}


async def test_an_outbox_that_is_not_there_yet_is_looked_for_ever_less_often(
    world: Any, database: str, make_event: Any
) -> None:
    await world.pool.execute("DROP TABLE outbox")
    async with world.relaying(database) as watching:
        async with asyncio.timeout(30):
            while len(watching.unreachable) < 4:  # noqa: ASYNC110 - an observer rings no bell
                await asyncio.sleep(0.02)
        await world.pool.execute(schema_sql.OUTBOX_SQL)
        await append_asyncpg(world.pool, [make_event("a", 1)], topic=world.topic)
        await world.until(WAITING, 0)

    assert await world.on_the_log() == {"a": [1]}
    assert {type(error) for error in watching.unreachable} == {NotMigrated}
    assert 'relation "outbox" does not exist; run the migrations' in str(watching.unreachable[0])
    waits = [later - earlier for earlier, later in pairwise(watching.unreachable_at)]
    assert waits[0] > 0.19
    assert waits[1] > 0.39
    assert waits[2] > 0.79
