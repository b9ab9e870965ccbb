"""Reading the PostgreSQL log by polling, faster while records come."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from events.errors import LogChanged, TopicMissing
from events.log.port import Record, TopicPartition
from events.log.postgres import tables
from events.log.postgres.database import LogDatabase

_FIRST_PAUSE: Final = 0.002
_LONGEST_PAUSE: Final = 0.05
_unpack: Final = msgspec.msgpack.Decoder(list[tuple[str, bytes | None]]).decode


class PostgresRecord(msgspec.Struct, frozen=True, gc=False):
    offset: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]
    timestamp: int


class PostgresReader:
    """Asks for what comes after its positions; offsets have no holes, so nothing is missed."""

    def __init__(self, log: LogDatabase) -> None:
        self._log = log
        self._positions: dict[TopicPartition, int] = {}
        self._topics: dict[str, tuple[int, int]] = {}
        self._checked = True
        self._has_more = False
        self._pause = _FIRST_PAUSE

    def assign(self, positions: Mapping[TopicPartition, int]) -> None:
        self._positions = dict(positions)
        self._checked = self._has_more = False

    async def poll(
        self, *, max_records: int, timeout_seconds: float
    ) -> dict[TopicPartition, Sequence[Record]]:
        if not self._checked:
            await self._check()
        until = time.monotonic() + timeout_seconds
        while True:
            batch = await self._read(max_records) if self._positions else {}
            if batch:
                self._pause = _FIRST_PAUSE
                return batch
            left = until - time.monotonic()
            if left <= 0:
                return {}
            await asyncio.sleep(min(left, self._pause))
            self._pause = min(self._pause * 2, _LONGEST_PAUSE)

    def has_more(self) -> bool:
        return self._has_more

    async def close(self) -> None:
        self._positions = {}

    async def _check(self) -> None:
        """That every position is inside the log: beyond it there would be silence for ever."""
        partitions = list(self._positions)
        first, end = await self._log.beginnings(partitions), await self._log.ends(partitions)
        for where, position in self._positions.items():
            if not first[where] <= position <= end[where]:
                raise LogChanged(
                    f"position {position} of {where.topic}/{where.partition} is outside the log,"
                    f" which holds {first[where]} to {end[where]}",
                    hint="the topic was recreated, or retention cut unread records",
                )
        self._topics = await self._log.topic_ids()
        self._checked = True

    async def _read(self, max_records: int) -> dict[TopicPartition, Sequence[Record]]:
        wanted = list(self._positions)
        each = max(1, max_records // max(1, len(wanted)))
        try:
            topic_ids = [self._topics[partition.topic][0] for partition in wanted]
        except KeyError as error:
            raise TopicMissing(f"topic {error} is not on this log") from None
        async with self._log.connection() as connection:
            rows = await connection.fetch(
                tables.READ,
                topic_ids,
                [partition.partition for partition in wanted],
                list(self._positions.values()),
                each,
            )
        batch: dict[TopicPartition, list[Record]] = {}
        for n, offset, key, value, headers, appended_at in rows:
            where = wanted[n - 1]
            batch.setdefault(where, []).append(
                PostgresRecord(
                    offset=offset,
                    key=key,
                    value=value,
                    headers=_unpack(headers),
                    timestamp=int(appended_at.timestamp() * 1000),
                )
            )
        for where, records in batch.items():
            self._positions[where] = records[-1].offset + 1
        self._has_more = any(len(records) == each for records in batch.values())
        return dict(batch)
