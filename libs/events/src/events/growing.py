"""Growing a topic: more partitions, and no event overtakes an earlier one of its key.

With more partitions most keys move to another one, where they would be read beside their
older events. So the outboxes are held, the consumers read the topic to its end, then it
grows. Services go on to accept commands meanwhile; their events wait in the outboxes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

import asyncpg

from events.consumer.positions import all_positions
from events.database_errors import DATABASE_ERRORS
from events.errors import EventsError
from events.log import Log, TopicPartition
from events.relay.shards import hold_all

Say = Callable[[str], None]

PATIENCE_SECONDS: Final = 120.0
_LOOK_SECONDS: Final = 0.2
_SAY_SECONDS: Final = 2.0

_PARKED: Final = "SELECT count(*) FROM consumer_parked WHERE topic = $1"


class CannotGrow(EventsError):
    """The topic was left as it is, and everything goes on as before."""


async def grow_topic(
    log: Log,
    databases: Mapping[str, str],
    *,
    topic: str,
    partitions: int,
    say: Say,
    patience_seconds: float = PATIENCE_SECONDS,
) -> None:
    """Give `topic` this many partitions in all, once it is read to its end.

    `databases` must name those of all services: each that has an outbox or a consumer.
    Raises CannotGrow, TopicMissing, LogUnavailable; nothing is changed then.
    """
    try:
        async with asyncio.timeout(patience_seconds), AsyncExitStack() as held:
            connections = [
                await held.enter_async_context(_held(name, url, say))
                for name, url in databases.items()
            ]
            present = await log.partitions([topic])
            if partitions <= len(present):
                raise CannotGrow(
                    f"{topic} has {len(present)} partitions already",
                    hint="partitions are never taken away",
                )
            await _read_to_end(log, present, connections=connections, say=say)
            await log.grow_topic(topic, partitions=partitions)
    except TimeoutError:
        raise CannotGrow(
            f"{topic} was not read to its end within {patience_seconds:.0f} s",
            hint="see that relay and consumers run (tandem status), then try again",
        ) from None
    except DATABASE_ERRORS as error:
        raise CannotGrow(f"a database does not answer: {error}") from error
    say(f"{topic} has {partitions} partitions; events flow again")


@asynccontextmanager
async def _held(name: str, url: str, say: Say) -> AsyncIterator[asyncpg.Connection[Any]]:
    """Keep every relay from the outbox of this database, for as long as the block lasts."""
    connection: asyncpg.Connection[Any] = await asyncpg.connect(url, timeout=10)
    try:
        if await connection.fetchval("SELECT to_regclass('outbox') IS NOT NULL"):
            say(f"holding the outbox of {name}")
            await hold_all(connection)
        yield connection
    finally:
        connection.terminate()


async def _read_to_end(
    log: Log,
    partitions: Sequence[TopicPartition],
    *,
    connections: Sequence[asyncpg.Connection[Any]],
    say: Say,
) -> None:
    topic, next_word = partitions[0].topic, 0.0
    while True:
        ends = await log.ends(partitions)
        behind = 0
        for connection in connections:
            behind += await _behind(connection, topic, ends)
        if not behind:
            return
        if time.monotonic() >= next_word:
            next_word = time.monotonic() + _SAY_SECONDS
            say(f"waiting until {behind} records of {topic} are read")
        await asyncio.sleep(_LOOK_SECONDS)


async def _behind(
    connection: asyncpg.Connection[Any], topic: str, ends: Mapping[TopicPartition, int]
) -> int:
    """Records that consumers of this database have not read. Raises CannotGrow."""
    positions = await all_positions(connection)
    if positions is None:
        return 0
    # What is parked would be looked for under its old partition by whoever owns that one.
    if parked := await connection.fetchval(_PARKED, topic):
        raise CannotGrow(
            f"{parked} records of {topic} are parked", hint="release or discard them first"
        )
    behind = 0
    for consumer, where, next_offset, stopped in positions:
        if where.topic != topic:
            continue
        if stopped:
            raise CannotGrow(
                f"{consumer} stopped {topic}/{where.partition}: {stopped}",
                hint="start it again first",
            )
        behind += max(0, ends[where] - next_offset)
    return behind
