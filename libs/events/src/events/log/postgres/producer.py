"""Appending to the PostgreSQL log, one transaction per publish."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any, Final
from zlib import crc32

import msgspec

from events.errors import LogUnavailable, PublishFailed, TopicMissing
from events.log.port import NewRecord
from events.log.postgres import tables
from events.log.postgres.database import LogDatabase

_TRIM_SECONDS: Final = 60.0
_TRIM_AGAIN_SECONDS: Final = 1.0
_TRIM_RECORDS: Final = 2_000
"""Of a partition at a time. What publishes next waits for it: after a month without retention
that would else be for minutes, and the relay's watchdog would end it in the middle.
"""
_pack: Final = msgspec.msgpack.Encoder().encode


class PostgresProducer:
    """Gives out offsets under the partitions' row locks, held until commit."""

    def __init__(self, log: LogDatabase) -> None:
        self._log = log
        self._topics: dict[str, tuple[int, int]] = {}
        self._trim_at = time.monotonic() + _TRIM_SECONDS
        self._turn = asyncio.Lock()

    async def publish(self, records: Sequence[NewRecord]) -> None:
        # A lock lets in who came first: calls keep their order though they overlap.
        async with self._turn:
            await self._append(records)

    def forget_topics(self) -> None:
        self._topics.clear()

    async def _append(self, records: Sequence[NewRecord]) -> None:
        try:
            await self._learn({record.topic for record in records})
            places = [self._place(record) for record in records]
            topic_ids, partitions = [p[0] for p in places], [p[1] for p in places]
            async with self._log.connection() as connection:
                async with connection.transaction():
                    # A lock first, then a statement of its own: its snapshot must be taken with
                    # the lock held, or two writers would count from the same offset.
                    wanted = sorted(set(places))
                    await connection.execute(
                        tables.LOCK_PARTITIONS, [w[0] for w in wanted], [w[1] for w in wanted]
                    )
                    await connection.execute(
                        tables.APPEND,
                        topic_ids,
                        partitions,
                        [record.key for record in records],
                        [record.value for record in records],
                        [_pack(record.headers) for record in records],
                    )
                await self._trim(connection)
        except LogUnavailable as error:
            raise PublishFailed(
                error.fact, hint="what was not acknowledged is published again"
            ) from error

    async def close(self) -> None:
        """Nothing is held between two publishes."""

    def _place(self, record: NewRecord) -> tuple[int, int]:
        topic_id, partitions = self._topics[record.topic]
        return topic_id, crc32(record.key) % partitions

    async def _learn(self, topics: set[str]) -> None:
        if not topics <= self._topics.keys():
            self._topics = await self._log.topic_ids()
        for missing in topics - self._topics.keys():
            raise TopicMissing(
                f"topic {missing} is not on this log", hint="apply the topics: tandem topics apply"
            )

    async def _trim(self, connection: Any) -> None:
        """Retention, once a minute: nobody else writes to the log, so nobody else can."""
        if time.monotonic() >= self._trim_at:
            more = await connection.fetchval(tables.TRIM, _TRIM_RECORDS)
            pause = _TRIM_AGAIN_SECONDS if more else _TRIM_SECONDS
            self._trim_at = time.monotonic() + pause
