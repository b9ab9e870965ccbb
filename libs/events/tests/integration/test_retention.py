"""Retention of the PostgreSQL log: a little at a time, and never in a writer's way."""

from __future__ import annotations

import secrets
from typing import Any

import asyncpg
import pytest

from events import open_log
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


async def test_the_oldest_records_go_first_and_those_within_retention_stay(
    log_database: str, make_event: Any
) -> None:
    name = f"t-{secrets.token_hex(4)}"
    where = TopicPartition(name, 0)
    async with open_log(log_database) as log:
        await log.create_topic(TopicState(name, 1, 3600))
        producer = await log.producer()
        await producer.publish([to_record(make_event("a", n + 1), topic=name) for n in range(10)])
        connection = await asyncpg.connect(log_database)
        try:
            await connection.execute(_AGE, name, 5)
            first = []
            for _ in range(3):
                more = await connection.fetchval(tables.TRIM, 2)
                first.append(((await log.beginnings([where]))[where], more))
        finally:
            await connection.close()
        reader = await log.reader()
        reader.assign({where: 5})
        left = (await reader.poll(max_records=100, timeout_seconds=5))[where]

    assert first == [(2, True), (4, True), (5, False)]
    assert [record.offset for record in left] == [5, 6, 7, 8, 9]


async def test_a_partition_to_which_somebody_appends_is_trimmed_later(
    log_database: str, make_event: Any
) -> None:
    name = f"t-{secrets.token_hex(4)}"
    where = TopicPartition(name, 0)
    async with open_log(log_database) as log:
        await log.create_topic(TopicState(name, 1, 3600))
        producer = await log.producer()
        await producer.publish([to_record(make_event("a", 1), topic=name)])
        writer, trimmer = await asyncpg.connect(log_database), await asyncpg.connect(log_database)
        try:
            await trimmer.execute(_AGE, name, 1)
            async with writer.transaction():
                await writer.execute(_WORK_ON, name)
                await trimmer.fetchval(tables.TRIM, 10, timeout=20)
                assert (await log.beginnings([where]))[where] == 0
            await trimmer.fetchval(tables.TRIM, 10)
            assert (await log.beginnings([where]))[where] == 1
        finally:
            await writer.close()
            await trimmer.close()
