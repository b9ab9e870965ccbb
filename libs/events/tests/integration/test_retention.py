"""Retention of the PostgreSQL log: a little at a time, and never in a writer's way."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest

from events import Event, Log, open_log
from events.cloudevents import to_record
from events.log import TopicPartition, TopicState
from events.log.postgres import tables

_AGE = """
UPDATE log_records r SET appended_at = appended_at - interval '2 hours'
FROM log_topics t WHERE t.id = r.topic_id AND t.name = $1 AND r.record_offset < $2"""
_WORK_ON = """
SELECT FROM log_partitions p JOIN log_topics t ON t.id = p.topic_id
WHERE t.name = $1 FOR UPDATE OF p"""


@pytest.fixture
def event_log(log_database: str) -> str:
    return log_database


@dataclass
class Aged:
    """A topic that keeps an hour, with records that were appended two hours ago."""

    log: Log
    name: str
    trimmer: asyncpg.Connection[Any]

    @property
    def where(self) -> TopicPartition:
        return TopicPartition(self.name, 0)

    async def begins_at(self) -> int:
        return (await self.log.beginnings([self.where]))[self.where]

    async def trim(self, records: int) -> bool:
        """Let so many go; whether there are more to go."""
        return bool(await self.trimmer.fetchval(tables.TRIM, records, timeout=20))


@asynccontextmanager
async def aged(url: str, events: list[Event], *, old: int) -> AsyncIterator[Aged]:
    name = f"t-{secrets.token_hex(4)}"
    trimmer = await asyncpg.connect(url)
    try:
        async with open_log(url) as log:
            await log.create_topic(TopicState(name, 1, 3600))
            producer = await log.producer()
            await producer.publish([to_record(event, topic=name) for event in events])
            await trimmer.execute(_AGE, name, old)
            yield Aged(log, name, trimmer)
    finally:
        await trimmer.close()


async def test_the_oldest_records_go_first_and_those_within_retention_stay(
    log_database: str, make_event: Any
) -> None:
    events = [make_event("a", n + 1) for n in range(10)]
    async with aged(log_database, events, old=5) as topic:
        first = []
        for _ in range(3):
            more = await topic.trim(2)
            first.append((await topic.begins_at(), more))
        reader = await topic.log.reader()
        reader.assign({topic.where: 5})
        left = (await reader.poll(max_records=100, timeout_seconds=5))[topic.where]

    assert first == [(2, True), (4, True), (5, False)]
    assert [record.offset for record in left] == [5, 6, 7, 8, 9]


async def test_a_partition_to_which_somebody_appends_is_trimmed_later(
    log_database: str, make_event: Any
) -> None:
    async with aged(log_database, [make_event("a", 1)], old=1) as topic:
        writer = await asyncpg.connect(log_database)
        try:
            async with writer.transaction():
                await writer.execute(_WORK_ON, topic.name)
                await topic.trim(10)
                assert await topic.begins_at() == 0
        finally:
            await writer.close()
        await topic.trim(10)
        assert await topic.begins_at() == 1
