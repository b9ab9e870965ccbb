"""The contract of the log: the same tests on every implementation."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence

import pytest

from events import Log, LogChanged, TopicMissing, TopicPartition
from events.log import NewRecord, Record, TopicState

RECORDS = 60


def record(topic: str, key: str, number: int = 0) -> NewRecord:
    return NewRecord(topic, key.encode(), b'{"n":%d}' % number, [("ce_id", b"1"), ("none", None)])


async def read_all(log: Log, topic: str, *, expected: int) -> dict[TopicPartition, list[Record]]:
    reader = await log.reader()
    reader.assign(dict.fromkeys(await log.partitions([topic]), 0))
    found: dict[TopicPartition, list[Record]] = defaultdict(list)
    async with asyncio.timeout(10):
        while sum(map(len, found.values())) < expected:
            for where, records in (await reader.poll(max_records=7, timeout_seconds=0.5)).items():
                found[where].extend(records)
    await reader.close()
    return found


async def publish(log: Log, records: Sequence[NewRecord]) -> None:
    producer = await log.producer()
    await producer.publish(records)
    await producer.close()


async def test_what_was_published_is_read_in_order_per_key(log: Log, topic: str) -> None:
    await publish(log, [record(topic, f"k{n % 5}", n) for n in range(RECORDS)])

    found = await read_all(log, topic, expected=RECORDS)

    by_key: dict[bytes | None, list[bytes | None]] = defaultdict(list)
    for records in found.values():
        assert [r.offset for r in records] == list(range(len(records)))
        for r in records:
            by_key[r.key].append(r.value)
    assert len(found) == 2, "five keys should spread over two partitions"
    for key, values in by_key.items():
        assert key is not None
        assert values == [b'{"n":%d}' % n for n in range(RECORDS) if n % 5 == int(key[1:])]


async def test_headers_keys_and_empty_values_survive(log: Log, topic: str) -> None:
    sent = NewRecord(topic, b"\xff\x00key", None, [("a", b"\xff\x00"), ("a", None), ("b", b"")])
    await publish(log, [sent])

    ((found,),) = (await read_all(log, topic, expected=1)).values()

    assert (found.key, found.value) == (sent.key, None)
    assert list(found.headers) == sent.headers
    assert found.timestamp > 1_700_000_000_000


async def test_a_reader_knows_whether_there_is_more(log: Log, topic: str) -> None:
    await publish(log, [record(topic, f"k{n}") for n in range(RECORDS)])
    reader = await log.reader()
    reader.assign(dict.fromkeys(await log.partitions([topic]), 0))
    read, had_more = 0, []
    async with asyncio.timeout(10):
        while read < RECORDS:
            found = await reader.poll(max_records=RECORDS // 4, timeout_seconds=0.5)
            read += sum(map(len, found.values()))
            had_more.append((read < RECORDS, reader.has_more()))
    assert not await reader.poll(max_records=1, timeout_seconds=0.1)
    assert not reader.has_more()
    await reader.close()

    assert all(told for there_was, told in had_more if there_was)


async def test_two_producers_at_once_leave_no_hole_and_no_double_offset(
    log: Log, topic: str
) -> None:
    producers = [await log.producer() for _ in range(3)]
    await asyncio.gather(
        *(
            producer.publish([record(topic, f"{who}-{n}") for n in range(10)])
            for who, producer in enumerate(producers)
            for _ in range(2)
        )
    )
    for producer in producers:
        await producer.close()

    for records in (await read_all(log, topic, expected=60)).values():
        assert [r.offset for r in records] == list(range(len(records)))


async def test_ends_count_what_is_durable(log: Log, topic: str) -> None:
    partitions = await log.partitions([topic])
    assert set((await log.ends(partitions)).values()) == {0}
    await publish(log, [record(topic, f"k{n}") for n in range(10)])

    assert sum((await log.ends(partitions)).values()) == 10
    assert set((await log.beginnings(partitions)).values()) == {0}


async def test_a_reader_begins_where_it_is_told(log: Log, topic: str) -> None:
    await publish(log, [record(topic, "k", n) for n in range(5)])
    where = next(w for w, end in (await log.ends(await log.partitions([topic]))).items() if end)
    reader = await log.reader()

    for start in (3, 0, 5):
        reader.assign({where: start})
        found: list[int] = []
        while batch := await reader.poll(max_records=2, timeout_seconds=0.3):
            found.extend(r.offset for r in batch[where])
        assert found == list(range(start, 5))
    await reader.close()


async def test_a_position_outside_the_log_stops_the_reader(log: Log, topic: str) -> None:
    reader = await log.reader()
    reader.assign(dict.fromkeys(await log.partitions([topic]), 7))

    with pytest.raises(LogChanged, match="outside the log"):
        await reader.poll(max_records=10, timeout_seconds=10)
    await reader.close()


async def test_an_unknown_topic_is_said_and_not_made(log: Log) -> None:
    producer = await log.producer()
    with pytest.raises(TopicMissing, match="apply the topics"):
        await producer.publish([record("nowhere", "k")])
    with pytest.raises(TopicMissing):
        await log.partitions(["nowhere"])
    await producer.close()
    assert "nowhere" not in await log.topics()


async def test_a_topic_is_made_once_and_grows(log: Log, topic: str) -> None:
    await log.create_topic(TopicState(topic, 1, 60))
    assert (await log.topics())[topic] == TopicState(topic, 2, None)

    await log.grow_topic(topic, partitions=3)

    assert len(await log.partitions([topic])) == 3


async def test_a_reader_waits_for_what_comes_later(log: Log, topic: str) -> None:
    reader = await log.reader()
    reader.assign(dict.fromkeys(await log.partitions([topic]), 0))
    waiting = asyncio.create_task(reader.poll(max_records=10, timeout_seconds=5))
    await asyncio.sleep(0.1)
    await publish(log, [record(topic, "late")])

    (records,) = (await waiting).values()

    assert [r.key for r in records] == [b"late"]
    await reader.close()
