"""Publishing many won deals cheaply, and what the sums over them must be.

A few thousand deals are encoded as the product does it; every event is one of them
with a deal id and event id of its own. So a million events cost seconds, of which a
consumer sees nothing: to it each is another deal of about 640 bytes.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import Any, Final, Literal

from aiokafka import AIOKafkaProducer
from msgspec.structs import replace

from bench.views import PARTITIONS, Sums, deals
from events import Event, Owner, open_log
from events.cloudevents import to_record
from events.event import encode_data
from events.log import TopicState
from events.types.pipeline import DealState, DealWon

Spread = Literal["uniform", "hot tenant", "high cardinality"]
"""Uniform over 30 days; nine events of ten about one owner, channel, region and day;
a million owners and a thousand days, so that hardly two events of a batch meet."""

_PATTERNS: Final = 20_000
BATCH_BYTES: Final = 256 * 1024
_MIXER: Final = 0x9E37_79B9_7F4A_7C15
"""Odd, so that k times it modulo 2**64 gives every k an id of its own, in no order."""


class Patterns:
    """The deals that a load repeats, each split where its own ids go."""

    def __init__(self, spread: Spread = "uniform", *, seed: int = 1) -> None:
        self._deals = [
            _shifted(deal, spread, n) for n, deal in enumerate(deals(_PATTERNS, seed=seed))
        ]
        self._split = [_split(deal) for deal in self._deals]
        self._data = [
            encode_data(DealWon(deal=deal)).split(deal.deal_id.encode()) for deal in self._deals
        ]

    def records(self, first: int, count: int) -> Iterator[tuple[bytes, bytes, list[Any]]]:
        """Key, value and headers of the events number `first` and following."""
        split = self._split
        for number in range(first, first + count):
            parts, headers = split[number % _PATTERNS]
            key = _deal_id(number)
            yield key, key.join(parts), headers

    def payloads(self, first: int, count: int) -> Iterator[tuple[str, str]]:
        """Deal id and data of the same events, as they stand in an outbox."""
        for number in range(first, first + count):
            key = _deal_id(number)
            yield key.decode(), key.join(self._data[number % _PATTERNS]).decode()

    def sums(self, count: int, *, views: int = 3) -> Sums:
        """What the rows must hold after the first `count` events."""
        sums: Sums = {}
        for number, deal in enumerate(self._deals):
            times = count // _PATTERNS + (number < count % _PATTERNS)
            if not times:
                continue
            assert deal.closed_at is not None
            assert deal.amount is not None
            day, cut = deal.closed_at.toordinal(), deal.dimensions
            for view, member in enumerate(
                (deal.owners[0].owner_id, cut.channel, cut.region)[:views]
            ):
                assert member is not None
                key = (view, day, int(member[1:]))
                n, amount = sums.get(key, (0, 0))
                sums[key] = (n + times, amount + times * deal.amount.amount_minor)
        return sums


def _deal_id(number: int) -> bytes:
    return b"%016x-0000-4000-8000" % (number * _MIXER % 2**64)


def _shifted(deal: DealState, spread: Spread, number: int) -> DealState:
    draw = random.Random(number)
    assert deal.closed_at is not None
    if spread == "hot tenant" and draw.random() < 0.9:
        return replace(
            deal,
            closed_at=deal.closed_at.replace(month=1, day=15),
            owners=[Owner(owner_id="o0", weight_bp=10_000)],
            dimensions=replace(deal.dimensions, channel="c0", region="r0"),
        )
    if spread == "high cardinality":
        return replace(
            deal,
            closed_at=deal.closed_at - timedelta(days=draw.randrange(1000)),
            owners=[Owner(owner_id=f"o{draw.randrange(1_000_000)}", weight_bp=10_000)],
        )
    return deal


def _split(deal: DealState) -> tuple[list[bytes], list[Any]]:
    assert deal.closed_at is not None
    event = Event.of(
        DealWon(deal=deal),
        id=deal.deal_id,
        source="/tandem/pipeline",
        sequence=1,
        occurred_at=deal.closed_at,
        recorded_at=datetime.now(UTC),
    )
    record = to_record(event, topic="any")
    assert record.value is not None
    return record.value.split(deal.deal_id.encode()), record.headers


async def publish(
    log: str, kafka: str, topic: str, *, events: int, patterns: Patterns, first: int = 0
) -> float:
    """Make the topic if need be, append `events` to it; gives events a second."""
    async with open_log(log) as opened:
        await opened.create_topic(
            TopicState(name=topic, partitions=PARTITIONS, retention_seconds=None)
        )
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka, compression_type="lz4", max_batch_size=BATCH_BYTES, linger_ms=0
    )
    await producer.start()
    begun = time.monotonic()
    try:
        await append_to(producer, topic, patterns.records(first, events))
    finally:
        await producer.stop()
    return events / (time.monotonic() - begun)


async def append_to(
    producer: AIOKafkaProducer, topic: str, records: Iterator[tuple[bytes, bytes, list[Any]]]
) -> None:
    """Whole batches to the partitions in turn, one on the way to each."""
    under_way: dict[int, asyncio.Future[Any]] = {}
    now, partition, batch = int(time.time() * 1000), 0, producer.create_batch()
    for key, value, headers in records:
        if batch.append(timestamp=now, key=key, value=value, headers=headers) is not None:
            continue
        if partition in under_way:
            await under_way[partition]
        under_way[partition] = await producer.send_batch(batch, topic, partition=partition)
        now, partition, batch = (
            int(time.time() * 1000),
            (partition + 1) % PARTITIONS,
            producer.create_batch(),
        )
        batch.append(timestamp=now, key=key, value=value, headers=headers)
    under_way[partition] = await producer.send_batch(batch, topic, partition=partition)
    await asyncio.gather(*under_way.values())


def made(producer: AIOKafkaProducer) -> list[Any]:
    """Full batches, to be sent again and again: making an event costs as much as folding it. The
    producer must not be idempotent, so that nothing in them is of one sending.
    """
    records = Patterns().records(1, sys.maxsize)
    batches = []
    for _ in range(4 * PARTITIONS):
        batch, now = producer.create_batch(), int(time.time() * 1000)
        for key, value, headers in records:
            if batch.append(timestamp=now, key=key, value=value, headers=headers) is None:
                break
        batches.append(batch)
    return batches


async def publish_made(log: str, kafka: str, topic: str, *, events: int) -> None:
    """Make the topic; append so many events or a few more, the same again and again."""
    async with open_log(log) as opened:
        await opened.create_topic(
            TopicState(name=topic, partitions=PARTITIONS, retention_seconds=None)
        )
    async with AIOKafkaProducer(
        bootstrap_servers=kafka, compression_type="lz4", max_batch_size=BATCH_BYTES, linger_ms=0
    ) as producer:
        sent = 0
        for number, batch in enumerate(cycle(made(producer))):
            await producer.send_batch(batch, topic, partition=number % PARTITIONS)
            sent += batch.record_count()
            if sent >= events:
                return
