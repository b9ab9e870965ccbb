"""Reading Kafka partitions from given offsets, without a group."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaPartition
from aiokafka.errors import (
    CorruptRecordException,
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)

from events.errors import LogChanged, LogUnavailable
from events.log.kafka import unpacking
from events.log.kafka.closing import end_within, is_asked_to_end
from events.log.kafka.unpacking import Fetched, unpacked
from events.log.port import Record, TopicPartition

_DRAIN: Final = 1_000_000
"""Batches, more than a fetch can hold: what is left in aiokafka's buffer delays the next fetch."""
_FETCH_BYTES: Final = 4 * 1024 * 1024
_PARTITION_BYTES: Final = 1024 * 1024
"""What a reader that is behind holds ready, compressed: of small events some 10,000."""

unpacking.install()


class KafkaReader:
    """A consumer with manual assignment: no group, so no rebalance can happen under it."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer
        self._idle = True
        self._fetched: deque[tuple[TopicPartition, Fetched]] = deque()
        self._unpacked: tuple[TopicPartition, Sequence[Record]] | None = None
        """What was left of a batch that held more than was asked for."""
        self._positions: dict[KafkaPartition, int] = {}

    @classmethod
    async def start(cls, servers: str, *, patience: float) -> Self:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=servers,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="none",  # out of range must stop us, never skip
            isolation_level="read_committed",
            fetch_max_wait_ms=int(patience * 1000),
            max_partition_fetch_bytes=_PARTITION_BYTES,
            fetch_max_bytes=_FETCH_BYTES,
            value_deserializer=unpacking.later,
        )
        try:
            await consumer.start()
        except BaseException:
            await end_within(consumer.stop())
            raise
        return cls(consumer)

    def assign(self, positions: Mapping[TopicPartition, int]) -> None:
        # No await between assign and seek: a fetch in between would find no position.
        self._consumer.assign([KafkaPartition(*partition) for partition in positions])
        for partition, offset in positions.items():
            self._consumer.seek(KafkaPartition(*partition), offset)
        self._fetched.clear()
        self._unpacked = None
        self._positions.clear()
        self._idle = not positions

    async def poll(
        self, *, max_records: int, timeout_seconds: float
    ) -> dict[TopicPartition, Sequence[Record]]:
        if self._idle:
            await asyncio.sleep(timeout_seconds)
        elif not self._fetched and self._unpacked is None:
            await self._fetch(timeout_seconds)
        batch: dict[TopicPartition, list[Record]] = {}
        left = max_records
        while left > 0 and (found := self._next()) is not None:
            where, records = found
            if len(records) > left:
                self._unpacked = (where, records[left:])
                records = records[:left]
            if records:  # none is left in a batch when compaction has taken them all
                batch.setdefault(where, []).extend(records)
            left -= len(records)
        return dict(batch)

    def has_more(self) -> bool:
        return (
            bool(self._fetched)
            or self._unpacked is not None
            or any(
                # Not the end of the log: nothing behind an open transaction is given.
                (self._consumer.last_stable_offset(partition) or 0) > position
                for partition, position in self._positions.items()
            )
        )

    def _next(self) -> tuple[TopicPartition, Sequence[Record]] | None:
        if self._unpacked is not None:
            found, self._unpacked = self._unpacked, None
            return found
        if not self._fetched:
            return None
        where, fetched = self._fetched.popleft()
        try:
            return where, unpacked(fetched)
        except CorruptRecordException as error:
            raise LogUnavailable(f"Kafka cannot be read: {error!r}") from error

    async def _fetch(self, timeout_seconds: float) -> None:
        try:
            fetched: Mapping[Any, Any] = await self._consumer.getmany(
                timeout_ms=int(timeout_seconds * 1000), max_records=_DRAIN
            )
        except (OffsetOutOfRangeError, NoOffsetForPartitionError) as error:
            raise LogChanged(
                f"a position is outside the log: {error}",
                hint="the topic was recreated, or retention cut unread records",
            ) from error
        except KafkaError as error:
            raise LogUnavailable(f"Kafka cannot be read: {error!r}") from error
        except asyncio.CancelledError as error:
            if is_asked_to_end():
                raise
            raise LogUnavailable("the connection to Kafka ended under a read") from error
        for partition, found in fetched.items():
            where = TopicPartition(*partition)
            self._fetched.extend([(where, each) for each in found])
        for partition in self._consumer.assignment():
            self._positions[partition] = await self._consumer.position(partition)

    async def close(self) -> None:
        await end_within(self._consumer.stop())
