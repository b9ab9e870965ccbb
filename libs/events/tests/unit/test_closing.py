"""A client that cannot stop must not keep a process from ending."""

import asyncio
import time

import pytest
from aiokafka.errors import KafkaConnectionError

from events.log.kafka import KafkaLog
from events.log.kafka.closing import end_within, is_asked_to_end


async def hang_even_when_cancelled() -> None:
    for _ in range(2):
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            continue


async def stop_at_once() -> None: ...


async def refuse() -> None:
    raise KafkaConnectionError


async def meet_what_was_cancelled() -> None:
    raise asyncio.CancelledError


async def break_down() -> None:
    raise ValueError


async def test_a_stop_that_hangs_is_given_up() -> None:
    begun = time.monotonic()
    task = hang_even_when_cancelled()
    assert await end_within(task, 0.05) is False
    assert time.monotonic() - begun < 1


async def test_a_stop_in_time_is_clean_and_kafkas_errors_are_not() -> None:
    assert await end_within(stop_at_once()) is True
    assert await end_within(refuse()) is False


async def test_a_stop_that_ends_as_cancelled_does_not_end_us() -> None:
    """As aiokafka's does when the broker is killed under a fetch."""
    assert await end_within(meet_what_was_cancelled()) is False


async def test_an_error_of_ours_is_told() -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any
        await end_within(break_down())


async def test_a_cancellation_from_within_is_told_from_ours() -> None:
    asked: list[bool] = []

    async def request() -> None:
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            asked.append(is_asked_to_end())

    gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert is_asked_to_end() is False
    task = asyncio.create_task(request())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert asked == [True]


async def test_a_cancellation_that_meets_the_answer_is_not_forgotten() -> None:
    """A watch that misses it lives on, and keeps the share of a consumer that has ended."""
    answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(KafkaLog("nowhere:9092")._answer(answer))
    await asyncio.sleep(0)
    answer.set_result(None)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
