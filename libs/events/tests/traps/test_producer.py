"""Traps 14, 15 and 17: a producer that cannot stop, that cannot be trusted again, that reorders.

Ours is bounded in time, is given up after its first error (the process ends, crash-only), and
hands over whole batches in order from one task. What is said about us goes through the port, and
so holds for whichever client stands behind it.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import defaultdict
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.errors import NotLeaderForPartitionError, OutOfOrderSequenceNumber

from events import PublishFailed, Relay, open_log
from events.log import NewRecord, TopicState
from events.outbox import append_asyncpg

pytestmark = pytest.mark.kafka

WAITING = "SELECT count(*) FROM outbox"


async def test_with_kafka_gone_aiokafka_never_stops_and_ours_does(
    own_kafka: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trap 14."""
    monkeypatch.setattr("events.log.kafka.producer._PUBLISH_SECONDS", 2.0)
    async with open_log(own_kafka.url) as log:
        await log.create_topic(TopicState("t", 1, None))
        theirs = AIOKafkaProducer(bootstrap_servers=own_kafka.address, enable_idempotence=True)
        await theirs.start()
        await theirs.send_and_wait("t", b"1")
        ours: Any = await log.producer()
        await ours.publish([NewRecord("t", b"k", b"1", [])])
        own_kafka.kill()

        pending = await theirs.send("t", b"2")
        stopping = asyncio.create_task(theirs.stop())
        begun = time.monotonic()
        with pytest.raises(PublishFailed, match=r"acknowledged nothing|ended under|refused"):
            await ours.publish([NewRecord("t", b"k", b"2", [])])
        with pytest.raises(PublishFailed, match="did not close in time"):
            await ours.close()
        assert time.monotonic() - begun < 20
        assert not stopping.done(), "mended: stop() now gives up by itself"

        await asyncio.to_thread(own_kafka.start)
        await asyncio.wait_for(stopping, 30)
        pending.exception()
        # What was given up is not closed; its process would have ended long ago.
        await asyncio.wait_for(ours._producer._sender.close(), 30)
        await ours._producer.client.close()


async def test_aiokafka_loses_count_when_a_batch_expires_without_a_leader(
    raw_producer: Any, new_topic: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trap 15: the batch was never sent, its sequence numbers are used up."""
    topic = await new_topic()
    async with raw_producer(request_timeout_ms=300, retry_backoff_ms=50) as producer:
        await producer.send_and_wait(topic, b"1")
        cluster = producer.client.cluster
        with monkeypatch.context() as patch:
            patch.setattr(cluster, "leader_for_partition", lambda _partition: None)
            expiring = await producer.send(topic, b"2")
            with pytest.raises(NotLeaderForPartitionError):
                await asyncio.wait_for(expiring, 20)
        numbers = producer._txn_manager.sequence_number(KafkaPartition(topic, 0))
        assert numbers == 2, "mended: what was never sent is no longer counted"
        with pytest.raises(OutOfOrderSequenceNumber):
            await asyncio.wait_for(producer.send_and_wait(topic, b"3"), 20)


async def test_our_relay_ends_with_the_first_error_and_its_successor_loses_nothing(
    world: Any, database: str, make_event: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trap 15 again, as it meets us: never a second try with the same producer."""
    await append_asyncpg(world.pool, [make_event("a", n) for n in (1, 2, 3)], topic=world.topic)
    make, tries = world.log.producer, 0

    async def failing_producer() -> Any:
        producer = await make()

        async def refuse(records: Any) -> None:
            nonlocal tries
            tries += 1
            raise PublishFailed("Kafka refused a batch")

        monkeypatch.setattr(producer, "publish", refuse)
        return producer

    with monkeypatch.context() as patch:
        patch.setattr(world.log, "producer", failing_producer)
        with pytest.raises(PublishFailed, match="refused a batch"):
            await asyncio.wait_for(Relay(world.log, {"test": database}).run(asyncio.Event()), 20)
    assert (tries, await world.pool.fetchval(WAITING)) == (1, 3)

    stop = asyncio.Event()
    successor = asyncio.create_task(Relay(world.log, {"test": database}).run(stop))
    async with world.running():
        await world.until("SELECT count(*) FROM applied", 3)
    stop.set()
    await successor
    assert await world.applied() == {"a": [1, 2, 3]}


async def test_aiokafka_reorders_concurrent_sends_when_a_batch_is_full(
    raw_producer: Any, raw_consumer: Any, new_topic: Any
) -> None:
    """Trap 17: who waits for room is overtaken by who comes when there is some."""
    where, reordered = KafkaPartition(await new_topic(), 0), False
    async with raw_producer(max_batch_size=2_000) as producer, raw_consumer() as consumer:
        consumer.assign([where])
        consumer.seek(where, 0)
        for _ in range(20):  # it is a race: nearly every round shows it
            await send_at_once(producer, where.topic, 300)
            found = await read_numbers(consumer, 300)
            reordered = reordered or found != sorted(found)
            if reordered:
                break
    assert reordered, "mended: concurrent sends keep their order"


async def send_at_once(producer: Any, topic: str, count: int) -> None:
    async def send(n: int) -> None:
        await producer.send_and_wait(topic, b"%d" % n + b" " * 300)

    sending = []
    for n in range(count):
        sending.append(asyncio.create_task(send(n)))
        await asyncio.sleep(0)
    await asyncio.gather(*sending)


async def read_numbers(consumer: Any, count: int) -> list[int]:
    found: list[int] = []
    async with asyncio.timeout(20):
        while len(found) < count:
            for records in (await consumer.getmany(timeout_ms=500)).values():
                found.extend(int(record.value) for record in records)
    return found


async def test_our_producer_keeps_the_order_of_each_key_over_many_full_batches(
    log: Any, new_topic: Any
) -> None:
    """Trap 17: 12 MB on two partitions is dozens of batches, handed over as the relay does."""
    topic, bulk = await new_topic(2), b" " * 4_000
    records = [NewRecord(topic, b"k%d" % (n % 7), b"%d" % n + bulk, []) for n in range(3_000)]
    producer = await log.producer()
    pages = [records[start : start + 500] for start in range(0, 3_000, 500)]
    under_way = [asyncio.create_task(producer.publish(page)) for page in pages]
    await asyncio.gather(*under_way)
    await producer.close()

    by_key: dict[Any, list[int]] = defaultdict(list)
    reader = await log.reader()
    reader.assign(dict.fromkeys(await log.partitions([topic]), 0))
    async with asyncio.timeout(30):
        while sum(map(len, by_key.values())) < 3_000:
            for found in (await reader.poll(max_records=5_000, timeout_seconds=1)).values():
                for record in found:
                    by_key[record.key].append(int(record.value or b""))
    await reader.close()
    assert by_key == {b"k%d" % k: list(range(k, 3_000, 7)) for k in range(7)}


async def test_our_producer_raises_its_own_error_for_what_the_broker_refuses(
    log: Any, new_topic: Any
) -> None:
    topic, producer = await new_topic(), await log.producer()
    try:
        with pytest.raises(PublishFailed):
            await producer.publish([NewRecord(topic, b"k", os.urandom(3_000_000), [])])
    finally:
        await producer.close()
