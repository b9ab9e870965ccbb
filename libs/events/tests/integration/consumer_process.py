"""A consumer or a relay as a process that kills or pauses itself at a named moment."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Sequence

import asyncpg

from events import Connection, Consumer, ConsumerSettings, Log, Received, Relay, open_log
from events.log import NewRecord, Producer


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def consume(log: Log, database: str, topic: str, moment: str) -> None:
    calls = 0

    async def apply(connection: Connection, received: Sequence[Received]) -> None:
        nonlocal calls
        calls += 1
        if moment == "block":
            time.sleep(1_000_000)  # noqa: ASYNC251 - an event loop that stands is the point
        if moment == "statement":
            await connection.execute("SELECT pg_sleep(1000000)")
        if moment == "before_handler" or (moment == "after_commit" and calls == 2):
            die()
        for item in received:
            await connection.execute(
                "INSERT INTO applied (subject, sequence) VALUES ($1, $2)",
                item.event.subject,
                item.event.sequence,
            )
        if moment == "before_commit":
            die()
        if moment == "pause":
            await connection.execute("SELECT 'the pause'")
            await asyncio.Event().wait()

    settings = ConsumerSettings(
        max_records=10,
        pulse_seconds=0.1,
        member_timeout_seconds=1,
        transaction_seconds=1,
        stuck_seconds=2 if moment in {"block", "statement"} else 60,
    )
    async with asyncpg.create_pool(database, min_size=1, max_size=4) as pool:
        consumer = Consumer(
            log, pool, name="test", topics=[topic], handler=apply, settings=settings
        )
        await consumer.run(asyncio.Event())


class DyingProducer:
    """Publishes for real, and dies before anybody can be told."""

    def __init__(self, producer: Producer) -> None:
        self._producer = producer

    async def publish(self, records: Sequence[NewRecord]) -> None:
        await self._producer.publish(records)
        die()

    def forget_topics(self) -> None:
        self._producer.forget_topics()

    async def close(self) -> None:
        await self._producer.close()


async def relay(log: Log, database: str, moment: str) -> None:
    if moment == "before_delete":
        dying = DyingProducer(await log.producer())

        async def producer() -> Producer:
            return dying

        log.producer = producer  # type: ignore[method-assign]
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await Relay(log, {"test": database}).run(stop)


async def main(event_log: str, database: str, topic: str, what: str, moment: str) -> None:
    async with open_log(event_log) as log:
        if what == "relay":
            await relay(log, database, moment)
        else:
            await consume(log, database, topic, moment)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
