"""Trap 10: a position that is outside the log is moved by the library, and records are skipped.

Ours stops: it reads with the strict rule, and every position is set before anything is fetched.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.errors import NoOffsetForPartitionError

from events import Connection, LogChanged, Received, TopicPartition

pytestmark = pytest.mark.kafka

DONE = "SELECT count(*) FROM applied"


async def cut(address: str, where: Any, *, before: int) -> None:
    """What retention does to a partition: records before the offset are gone."""
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    await admin.delete_records({where: RecordsToDelete(before_offset=before)})
    await admin.close()


async def test_aiokafka_skips_silently_with_its_default_rule(
    raw_consumer: Any, raw_producer: Any, new_topic: Any, kafka_server: Any
) -> None:
    where = KafkaPartition(await new_topic(), 0)
    async with raw_producer() as producer:
        for n in range(6):
            await producer.send_and_wait(where.topic, b"%d" % n)
        await cut(kafka_server.address, where, before=4)
        async with raw_consumer() as consumer:
            consumer.assign([where])
            consumer.seek(where, 2)
            assert await consumer.getmany(timeout_ms=500) == {}
            await producer.send_and_wait(where.topic, b"6")
            async with asyncio.timeout(10):
                while not (found := await consumer.getmany(timeout_ms=500)):
                    pass
    assert [record.offset for record in found[where]] == [6], "2 to 5 were passed over"


async def test_aiokafka_raises_for_a_paused_partition_without_a_position(
    raw_consumer: Any, new_topic: Any
) -> None:
    async with raw_consumer(auto_offset_reset="none") as consumer:
        where = KafkaPartition(await new_topic(), 0)
        consumer.assign([where])
        consumer.pause(where)
        with pytest.raises(NoOffsetForPartitionError):
            await consumer.getmany(timeout_ms=5000)


async def test_our_reader_stops_where_records_were_cut_under_it(
    log: Any, raw_producer: Any, new_topic: Any, kafka_server: Any
) -> None:
    where = KafkaPartition(await new_topic(), 0)
    ours = TopicPartition(*where)
    reader = await log.reader()
    async with raw_producer() as producer:
        for n in range(6):
            await producer.send_and_wait(where.topic, b"%d" % n)
    await cut(kafka_server.address, where, before=4)

    for position in (2, 9):
        reader.assign({ours: position})
        with pytest.raises(LogChanged, match="outside the log"):
            await reader.poll(max_records=10, timeout_seconds=10)
    reader.assign({ours: 4})
    (records,) = (await reader.poll(max_records=10, timeout_seconds=10)).values()
    assert [record.offset for record in records] == [4, 5]
    await reader.close()


async def test_our_reader_never_fetches_without_a_position(
    log: Any, raw_producer: Any, new_topic: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Assigned over and over under a running fetch, it gives what was asked for and no error."""
    topic = await new_topic(3)
    partitions = await log.partitions([topic])
    async with raw_producer() as producer:
        for n in range(30):
            await producer.send_and_wait(topic, b"%d" % n, partition=n % 3)
    reader = await log.reader()
    with caplog.at_level(logging.ERROR, logger="aiokafka"):
        for n in range(60):
            start = n % 10
            reader.assign(dict.fromkeys(partitions[: 1 + n % 3], start))
            found = await reader.poll(max_records=50, timeout_seconds=10)
            assert {records[0].offset for records in found.values()} == {start}
    await reader.close()


async def test_our_consumer_stops_when_records_are_cut_while_it_works(
    world: Any, make_event: Any, kafka_server: Any
) -> None:
    """It is busy with one batch when retention takes what it has not fetched yet."""
    make, busy, go_on = world.log.reader, asyncio.Event(), asyncio.Event()
    readers: list[Any] = []

    async def kept_reader() -> Any:
        readers.append(await make())
        return readers[-1]

    async def apply_slowly(connection: Connection, received: Sequence[Received]) -> None:
        await connection.execute(
            "INSERT INTO applied (subject, sequence) VALUES ($1, $2)",
            received[0].event.subject,
            received[0].event.sequence,
        )
        busy.set()
        await go_on.wait()

    world.log.reader = kept_reader
    await world.publish(make_event("a", 1))
    running = asyncio.create_task(world.consumer(apply_slowly).run(asyncio.Event()))
    await asyncio.wait_for(busy.wait(), 20)
    ends = await world.log.ends(await world.log.partitions([world.topic]))
    where = KafkaPartition(*next(partition for partition, end in ends.items() if end))
    client = readers[-1]._consumer
    client.pause(where)
    await asyncio.sleep(0.3)  # a fetch that is under way ends empty within 50 ms
    await world.publish(*(make_event("a", n) for n in range(2, 9)))
    await cut(kafka_server.address, where, before=7)
    client.resume(where)
    go_on.set()

    with pytest.raises(LogChanged, match="outside the log"):
        await asyncio.wait_for(running, 20)
    assert await world.applied() == {"a": [1]}
