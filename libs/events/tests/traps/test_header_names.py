"""A header whose name is not UTF-8: the broker takes it, and the library cannot read past it."""

from __future__ import annotations

from typing import Any

import pytest
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.consumer import fetcher

from events.cloudevents import to_record
from events.log import Record, TopicPartition
from events.log.kafka import unpacking
from events.log.port import NOT_UTF8
from faults.harness.strangers import publish_raw

pytestmark = pytest.mark.kafka

POISON = [([(b"ok", b"1"), (b"n\xff\xfe", b"2"), (b"\xc3\xa9t\xc3\xa9", None)], b"poison")]


async def test_aiokafka_raises_at_such_a_record_again_and_again(
    raw_consumer: Any, new_topic: Any, kafka_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetcher, "PartitionRecords", unpacking.LIBRARYS)
    topic = await new_topic()
    await publish_raw(kafka_server.address, topic, [([], b"good"), *POISON])
    async with raw_consumer() as consumer:
        where = KafkaPartition(topic, 0)
        consumer.assign([where])
        consumer.seek(where, 0)
        await consumer.getone()
        for _ in range(2):
            with pytest.raises(UnicodeDecodeError):
                await consumer.getone()


@pytest.mark.parametrize("compressed", [False, True])
async def test_our_reader_gives_each_record_once_also_around_it(
    world: Any, new_topic: Any, kafka_server: Any, raw_producer: Any, *, compressed: bool
) -> None:
    topic = await new_topic()
    sent: list[bytes] = []
    read: list[Record] = []
    for n in range(3):
        await publish_raw(
            kafka_server.address,
            topic,
            [([], b"before"), *POISON, ([(b"h", b"%d" % n)], b"after")],
            compressed=compressed,
        )
        sent += [b"before", b"poison", b"after"]
        async with raw_producer(transactional_id=topic) as producer:
            await producer.begin_transaction()
            await producer.send_and_wait(topic, b"undone", partition=0)
            await producer.abort_transaction()
    reader = await world.log.reader()
    where = TopicPartition(topic, 0)
    reader.assign({where: 1})
    while len(read) < len(sent) - 1:
        found = await reader.poll(max_records=2, timeout_seconds=1)
        read += found.get(where, [])
    had_more = reader.has_more()
    await reader.close()

    assert not had_more, "what was undone is still to come"
    assert [record.value for record in read] == sent[1:]
    assert [record.offset for record in read] == sorted({record.offset for record in read})
    assert read[0].headers == [("ok", b"1"), (f"n{NOT_UTF8 * 2}", b"2"), ("été", None)]


async def test_our_consumer_parks_it_and_applies_what_follows(
    world: Any, kafka_server: Any, make_event: Any
) -> None:
    good = to_record(make_event("a", 1), topic=world.topic)
    headers = [(name.encode(), text) for name, text in good.headers]
    await publish_raw(
        kafka_server.address,
        world.topic,
        [(POISON[0][0], b"{}"), ([*headers, (b"x-\xff", b"1")], good.value), (headers, good.value)],
    )
    async with world.running():
        await world.until("SELECT count(*) FROM applied", 1)
        await world.until("SELECT sum(next_offset)::int FROM consumer_positions", 3)
    assert await world.reasons() == {"undecodable": [None, None]}
