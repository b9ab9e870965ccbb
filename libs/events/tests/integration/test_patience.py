"""A reader to which little comes asks seldom, and hears of what comes none the later."""

from __future__ import annotations

import asyncio
from secrets import token_hex
from typing import Any

import pytest

from events import open_log
from events.log import NewRecord, TopicPartition, TopicState

pytestmark = pytest.mark.kafka


def count_questions(reader: Any) -> list[None]:
    """Grows by one with each question that the reader asks the broker for records."""
    asked: list[None] = []
    fetcher = reader._consumer._fetcher
    ask = fetcher._proc_fetch_request

    async def counted(*request: Any) -> Any:
        asked.append(None)
        return await ask(*request)

    fetcher._proc_fetch_request = counted
    return asked


async def test_a_patient_reader_asks_seldom_and_hears_all_the_same(
    kafka_server: Any,
) -> None:
    log, where = open_log(kafka_server.url), TopicPartition(f"t-{token_hex(4)}", 0)
    await log.create_topic(TopicState(where.topic, 1, None))
    eager, patient = await log.reader(), await log.reader(patience_seconds=5.0)
    producer = await log.producer()
    try:
        by_eager, by_patient = count_questions(eager), count_questions(patient)
        for reader in (eager, patient):
            reader.assign({where: 0})
        async with asyncio.timeout(60):
            while len(by_eager) < 12:
                for reader in (eager, patient):
                    assert await reader.poll(max_records=1, timeout_seconds=0.05) == {}
            assert 1 <= len(by_patient) <= len(by_eager) // 3
            await producer.publish(
                [NewRecord(topic=where.topic, key=b"k", value=b"{}", headers=[])]
            )
            heard: Any = {}
            while not heard:
                heard = await patient.poll(max_records=1, timeout_seconds=1.0)
        assert [record.key for record in heard[where]] == [b"k"]
    finally:
        for each in (eager, patient, producer, log):
            await each.close()
