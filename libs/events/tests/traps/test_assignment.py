"""Traps 1 and 2: a group's assignment is used before, and although, its listener has failed.

We are out of both: no groups (decision 2). A position is loaded and claimed before its partition
is read, and what cannot be claimed is not read.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Mapping
from typing import Any

import pytest
from aiokafka import ConsumerRebalanceListener
from aiokafka.admin import AIOKafkaAdminClient

from events import Unobserved
from events.log import Reader, TopicPartition

pytestmark = pytest.mark.kafka

DONE = "SELECT count(*) FROM applied"


class SlowListener(ConsumerRebalanceListener):  # type: ignore[misc]
    """Takes its time, as one does that loads positions; then fails, if so told."""

    def __init__(self, *, error: Exception | None = None) -> None:
        self.error = error
        self.ended = asyncio.Event()

    async def on_partitions_revoked(self, revoked: object) -> None: ...

    async def on_partitions_assigned(self, assigned: object) -> None:
        await asyncio.sleep(0.5)
        self.ended.set()
        if self.error is not None:
            raise self.error


async def test_aiokafka_gives_records_out_before_the_listener_has_ended(
    raw_consumer: Any, raw_producer: Any, new_topic: Any
) -> None:
    topic, listener = await new_topic(), SlowListener()
    async with raw_producer() as producer:
        await producer.send_and_wait(topic, b"early")
    settings = {"group_id": secrets.token_hex(4), "auto_offset_reset": "earliest"}
    async with raw_consumer(**settings) as consumer:
        consumer.subscribe([topic], listener=listener)
        found: Mapping[Any, Any] = {}
        async with asyncio.timeout(20):
            while not found:
                found = await consumer.getmany(timeout_ms=100)
        assert not listener.ended.is_set(), "mended: records now wait for the listener"


async def test_aiokafka_goes_on_when_the_listener_has_failed(
    raw_consumer: Any, raw_producer: Any, new_topic: Any, caplog: pytest.LogCaptureFixture
) -> None:
    topic = await new_topic()
    listener = SlowListener(error=ConnectionResetError("the database is away"))
    settings = {"group_id": secrets.token_hex(4), "auto_offset_reset": "earliest"}
    with caplog.at_level(logging.CRITICAL, logger="aiokafka"):
        async with raw_consumer(**settings) as consumer:
            consumer.subscribe([topic], listener=listener)
            async with asyncio.timeout(20):
                await asyncio.gather(listener.ended.wait(), consumer.getmany(timeout_ms=2000))
            async with raw_producer() as producer:
                await producer.send_and_wait(topic, b"late")
            found = await consumer.getmany(timeout_ms=5000)
    assert found, "mended: a failing listener now stops the consumer"


class Reading:
    """What a consumer does with its readers: they work as they do, and each step is noted."""

    def __init__(self, log: Any) -> None:
        self.polls = 0
        self.assigned: list[Mapping[TopicPartition, int]] = []
        self._make = log.reader
        log.reader = self._reader

    async def _reader(self) -> Reader:
        reader = await self._make()
        assign, poll = reader.assign, reader.poll

        def noted_assign(positions: Mapping[TopicPartition, int]) -> None:
            self.assigned.append(dict(positions))
            assign(positions)

        async def noted_poll(**how: Any) -> Any:
            self.polls += 1
            return await poll(**how)

        reader.assign, reader.poll = noted_assign, noted_poll
        return reader  # type: ignore[no-any-return]


class Retries(Unobserved):
    def __init__(self) -> None:
        self.seen = asyncio.Event()

    def retrying(self, consumer: str, *, error: Exception, seconds: float) -> None:
        self.seen.set()


async def test_our_consumer_reads_nothing_before_its_positions_are_claimed(
    world: Any, make_event: Any
) -> None:
    await world.publish(*(make_event(f"s{n}", 1) for n in range(6)))
    async with world.running():
        await world.until(DONE, 6)
    await world.publish(*(make_event(f"s{n}", 2) for n in range(6)))

    reading = Reading(world.log)
    async with world.pool.acquire() as other:
        transaction = other.transaction()
        await transaction.start()
        await other.execute("SELECT 1 FROM consumer_positions FOR UPDATE")
        async with world.running():
            await world.until(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND wait_event_type = 'Lock' AND query LIKE '%INSERT INTO consumer_positions%'",
                1,
            )
            assert (reading.polls, reading.assigned) == (0, [])
            await transaction.rollback()
            await world.until(DONE, 12)

    stored = {where: offset for where, offset in reading.assigned[-1].items() if offset}
    assert sum(stored.values()) == 6, "it began where the last one had ended"
    assert await world.applied() == {f"s{n}": [1, 2] for n in range(6)}


async def test_our_consumer_never_reads_what_it_failed_to_claim(
    world: Any, make_event: Any
) -> None:
    await world.publish(*(make_event("a", n) for n in range(1, 4)))
    async with world.running():
        await world.until(DONE, 3)
    await world.publish(make_event("a", 4))
    await world.pool.execute("ALTER TABLE consumer_positions RENAME TO away")

    reading, retries = Reading(world.log), Retries()
    stop, consumer = asyncio.Event(), world.consumer()
    consumer._observer = retries
    running = asyncio.create_task(consumer.run(stop))
    for _ in range(3):
        retries.seen.clear()
        await asyncio.wait_for(retries.seen.wait(), 10)
    assert reading.polls == 0
    await world.pool.execute("ALTER TABLE away RENAME TO consumer_positions")
    await world.until(DONE, 4)
    stop.set()
    await running

    assert await world.applied() == {"a": [1, 2, 3, 4]}


async def test_our_consumer_belongs_to_no_group_of_the_broker(
    world: Any, kafka_server: Any, raw_consumer: Any, make_event: Any
) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_server.address)
    await admin.start()
    other = secrets.token_hex(4)
    async with raw_consumer(world.topic, group_id=other):
        before = {group[0] for group in await admin.list_consumer_groups()}
        await world.publish(make_event("a", 1))
        async with world.running():
            await world.until(DONE, 1)
            during = {group[0] for group in await admin.list_consumer_groups()}
    await admin.close()

    assert other in before, "groups can be seen here"
    assert during <= before
