"""Half-open connections: the other end is gone, and nobody says so. Only a time limit helps."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from events import LogUnavailable, open_log
from events.errors import PublishFailed
from events.log import NewRecord
from events.log.kafka import log as kafka_log
from events.log.postgres import database as log_database
from faults.harness.proxy import Proxy

DONE = "SELECT count(*) FROM applied"


@pytest.fixture
def proxy(database: str) -> Iterator[Proxy]:
    started = Proxy(urlsplit(database).port or 0).start()
    yield started
    started.stop()


def by_way_of(proxy: Proxy, url: str) -> str:
    return url.replace(f":{proxy.target}/", f":{proxy.port}/")


async def test_a_consumer_whose_database_vanished_goes_on_with_new_connections(
    world: Any, database: str, proxy: Proxy, make_event: Any
) -> None:
    ours = world.pool
    pool = await asyncpg.create_pool(by_way_of(proxy, database), min_size=0, command_timeout=1)
    world.pool = pool
    async with world.running(transaction_seconds=2):
        world.pool = ours
        await world.publish(make_event("a", 1))
        await world.until(DONE, 1)
        proxy.lose()
        await world.publish(make_event("a", 2))
        await world.until(DONE, 2)
    pool.terminate()
    assert proxy.bytes_passed


@pytest.mark.parametrize("event_log", ["postgres"], indirect=True)
async def test_a_consumer_whose_log_vanished_goes_on_with_new_connections(
    world: Any, event_log: str, proxy: Proxy, make_event: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_database, "_ANSWER_SECONDS", 1.0)
    ours = world.log
    async with AsyncExitStack() as running:
        world.log = await running.enter_async_context(open_log(by_way_of(proxy, event_log)))
        await running.enter_async_context(world.running())
        world.log = ours
        await world.publish(make_event("a", 1))
        await world.until(DONE, 1)
        proxy.lose()
        await world.publish(make_event("a", 2))
        await world.until(DONE, 2)
    assert proxy.bytes_passed


@pytest.mark.parametrize("event_log", ["postgres"], indirect=True)
async def test_a_producer_whose_log_vanished_is_told_so_once_it_got_no_answer(
    world: Any, event_log: str, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without waiting again, for as long as connecting may take, to make the connection fit."""
    monkeypatch.setattr(log_database, "_ANSWER_SECONDS", 1.0)
    monkeypatch.setattr(log_database, "_CONNECT_SECONDS", 600.0)
    async with open_log(by_way_of(proxy, event_log)) as log:
        producer = await log.producer()
        record = NewRecord(topic=world.topic, key=b"a", value=b"{}", headers=[])
        await producer.publish([record])
        proxy.lose()
        with pytest.raises(PublishFailed):
            await producer.publish([record])
        await producer.publish([record])


@pytest.mark.parametrize("event_log", ["kafka"], indirect=True)
async def test_a_connection_to_kafka_that_nobody_answers_is_replaced(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that is kept to ask for ends and topics; the library would keep it for good."""
    partitions = await world.log.partitions([world.topic])
    before = await world.log.ends(partitions)

    async def vanish(*_: Any, **__: Any) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(world.log._inspector._client, "send", vanish)
    with monkeypatch.context() as hasty:
        hasty.setattr(kafka_log, "_TIMEOUT_SECONDS", 0.2)
        with pytest.raises(LogUnavailable):
            await world.log.ends(partitions)
    assert await world.log.ends(partitions) == before
