"""Traps 3 and 8: the library's own sign of life can be lost, and a consumer be stuck in silence.

Ours does not lean on it: the watch compares the log's end with what is applied, from beside.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextvars import ContextVar
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition as KafkaPartition
from aiokafka import errors as kafka_errors
from aiokafka.consumer import fetcher

from events import Connection, ConsumerStuck, LogUnavailable, Received

pytestmark = pytest.mark.kafka

DONE = "SELECT count(*) FROM applied"


async def test_aiokafka_takes_a_cancelled_poll_for_one_that_never_ends(
    raw_consumer: Any, new_topic: Any
) -> None:
    async with raw_consumer() as consumer:
        where = KafkaPartition(await new_topic(), 0)
        consumer.assign([where])
        consumer.seek(where, 0)
        poll = asyncio.create_task(consumer.getmany(timeout_ms=10_000))
        await asyncio.sleep(0.1)
        poll.cancel()
        await asyncio.gather(poll, return_exceptions=True)
        await asyncio.sleep(0.1)
        idle = consumer._subscription.fetcher_idle_time
        assert idle == 0, "mended: time without a poll is counted after a cancelled one"


async def test_our_watch_ends_a_hanging_handler_after_a_cancelled_poll(
    world: Any, make_event: Any
) -> None:
    """The poll is cancelled from within, as a lost connection does it; then the handler hangs."""
    cancelled = cancel_first_poll(world.log)

    async def hang(connection: Connection, received: Sequence[Received]) -> None:
        await asyncio.Event().wait()

    await world.publish(make_event("a", 1))
    with pytest.raises(ConsumerStuck, match="1 records to read"):
        await asyncio.wait_for(world.consumer(hang, stuck_seconds=1).run(asyncio.Event()), 20)
    assert cancelled.is_set()


async def test_our_consumer_goes_on_with_a_new_reader_after_a_cancelled_poll(
    world: Any, make_event: Any
) -> None:
    cancelled = cancel_first_poll(world.log)
    await world.publish(make_event("a", 1))
    async with world.running():
        await world.until(DONE, 1)
    assert cancelled.is_set()


def cancel_first_poll(log: Any) -> asyncio.Event:
    """Make the first poll of the log's next reader end as cancelled though nobody asked for it."""
    done, make = asyncio.Event(), log.reader

    async def reader(**how: Any) -> Any:
        made = await make(**how)
        poll = made._consumer.getmany

        async def cancelled_poll(**how: Any) -> Any:
            if done.is_set():
                return await poll(**how)
            done.set()
            task = asyncio.ensure_future(poll(**how))
            asyncio.get_running_loop().call_soon(task.cancel)
            return await task

        made._consumer.getmany = cancelled_poll
        return made

    log.reader = reader
    return done


@pytest.fixture
def unknown_fetch_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every fetch, and nothing else, is answered with a code that the library does not know."""
    fetching = ContextVar("fetching", default=False)
    proceed, for_code = fetcher.Fetcher._proc_fetch_request, kafka_errors.for_code

    async def proceed_with_unknown(self: Any, *request: Any) -> Any:
        fetching.set(True)  # each request is a task, and so has a context of its own
        return await proceed(self, *request)

    def code(number: int) -> Any:
        return kafka_errors.UnknownError if fetching.get() else for_code(number)

    namespace = SimpleNamespace(**vars(kafka_errors) | {"for_code": code})
    monkeypatch.setattr(fetcher, "Errors", namespace)
    monkeypatch.setattr(fetcher.Fetcher, "_proc_fetch_request", proceed_with_unknown)


async def test_aiokafka_is_silent_about_fetch_errors_that_it_does_not_know(
    raw_consumer: Any,
    raw_producer: Any,
    new_topic: Any,
    unknown_fetch_errors: None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    where = KafkaPartition(await new_topic(), 0)
    async with raw_producer() as producer:
        await producer.send_and_wait(where.topic, b"there")
    with caplog.at_level(logging.WARNING, logger="aiokafka"):
        async with raw_consumer() as consumer:
            consumer.assign([where])
            consumer.seek(where, 0)
            found = await consumer.getmany(timeout_ms=1000)
    assert found == {}, "mended: an unknown fetch error now reaches the caller"
    assert "Unexpected error while fetching data" in caplog.text


async def test_our_watch_ends_a_consumer_that_is_given_nothing(
    world: Any, make_event: Any, unknown_fetch_errors: None
) -> None:
    await world.publish(make_event("a", 1))
    with pytest.raises(ConsumerStuck, match="1 records to read"):
        await asyncio.wait_for(world.consumer(stuck_seconds=1).run(asyncio.Event()), 20)


async def test_our_reader_tells_a_cancellation_from_within_from_one_of_ours(
    log: Any, new_topic: Any
) -> None:
    cancel_first_poll(log)
    reader = await log.reader()
    reader.assign(dict.fromkeys(await log.partitions([await new_topic()]), 0))
    with pytest.raises(LogUnavailable, match="ended under a read"):
        await reader.poll(max_records=1, timeout_seconds=5)
    asked = asyncio.create_task(reader.poll(max_records=1, timeout_seconds=5))
    await asyncio.sleep(0.05)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    await reader.close()
