"""A topic grows while events are written, and no event overtakes an earlier one of its key."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from events import Relay, append_asyncpg
from events.growing import CannotGrow, grow_topic
from events.log import Log

KEYS = 20
APPLIED = "SELECT count(*) FROM applied"
EVER_PARKED = "SELECT last_value, is_called FROM consumer_parked_id_seq"
"""The number of the last parked row, which stays when the row goes."""
CURSED = 666


def quiet(_word: str) -> None:
    return None


@asynccontextmanager
async def relaying(log: Log, url: str) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(Relay(log, {"test": url}).run(stop))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(task, 20)


async def test_order_of_keys_is_kept_while_a_topic_grows_under_load(
    world: Any, log: Log, topic: str, database: str, make_event: Any
) -> None:
    enough, written = asyncio.Event(), 0

    async def write() -> None:
        nonlocal written
        while not enough.is_set():
            written += 1
            await append_asyncpg(
                world.pool, [make_event(f"k{n}", written) for n in range(KEYS)], topic=topic
            )
            await asyncio.sleep(0.05)

    before = await world.pool.fetchrow(EVER_PARKED)
    said: list[str] = []
    async with relaying(log, database), world.running():
        writing = asyncio.create_task(write())
        async with asyncio.timeout(60):
            while await world.pool.fetchval(APPLIED) < 5 * KEYS:  # noqa: ASYNC110 - a database has no event
                await asyncio.sleep(0.02)
        await grow_topic(log, {"test": database}, topic=topic, partitions=5, say=said.append)
        grown_at = written
        async with asyncio.timeout(60):
            while written < grown_at + 20:  # noqa: ASYNC110 - counted by the writer
                await asyncio.sleep(0.02)
        enough.set()
        await writing
        await world.until(APPLIED, KEYS * written, seconds=90)

    assert await world.applied() == {f"k{n}": list(range(1, written + 1)) for n in range(KEYS)}
    assert await world.pool.fetchrow(EVER_PARKED) == before
    ends = await log.ends(await log.partitions([topic]))
    assert len(ends) == 5
    assert sum(1 for end in ends.values() if end) > 2, "the new partitions are used"
    assert said[-1] == f"{topic} has 5 partitions; events flow again"


async def test_a_topic_with_parked_records_stays_as_it_is(
    world: Any, log: Log, topic: str, database: str, make_event: Any
) -> None:
    await world.publish(make_event("a", 1, amount=CURSED))
    async with world.running():
        await world.until("SELECT count(*) FROM consumer_parked", 1)

    with pytest.raises(CannotGrow, match=r"1 records of .* are parked; release or discard"):
        await grow_topic(log, {"test": database}, topic=topic, partitions=5, say=quiet)

    assert len(await log.partitions([topic])) == 2


async def test_a_consumer_that_is_away_is_waited_for_only_so_long_and_the_relay_goes_on(
    world: Any, log: Log, topic: str, database: str, make_event: Any
) -> None:
    await world.publish(make_event("a", 1))
    async with world.running():
        await world.until(APPLIED, 1)
    await world.publish(make_event("a", 2))

    async with relaying(log, database):
        with pytest.raises(CannotGrow, match="not read to its end within 1 s; see that relay"):
            await grow_topic(
                log, {"t": database}, topic=topic, partitions=5, say=quiet, patience_seconds=1
            )
        await append_asyncpg(world.pool, [make_event("a", 3)], topic=topic)
        async with world.running():
            await world.until(APPLIED, 3, seconds=30)

    assert len(await log.partitions([topic])) == 2


async def test_partitions_are_never_taken_away(log: Log, topic: str, database: str) -> None:
    with pytest.raises(CannotGrow, match="has 2 partitions already"):
        await grow_topic(log, {"test": database}, topic=topic, partitions=2, say=quiet)
