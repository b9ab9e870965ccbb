"""A part that tells of no progress ends the process, whatever it hangs in."""

import asyncio
import threading
import time

from events.watchdog import Watchdog

TICK = 0.01


def test_silence_is_told_once_with_the_name_of_the_part() -> None:
    said, ended = [], threading.Event()

    def end(reason: str) -> None:
        said.append(reason)
        ended.set()

    with Watchdog(seconds=5 * TICK, end=end, tick_seconds=TICK) as watchdog:
        watchdog.progress("the outbox of ops")
        assert ended.wait(10)
    assert said == ["the outbox of ops made no progress for 0 s"]


def test_who_tells_of_progress_is_left_alone() -> None:
    said: list[str] = []
    with Watchdog(seconds=200 * TICK, end=said.append, tick_seconds=TICK) as watchdog:
        for _ in range(30):
            watchdog.progress("the outbox of ops")
            time.sleep(TICK)
    assert said == []


async def test_an_event_loop_that_stands_still_counts_as_well() -> None:
    ended = threading.Event()

    async def part(watchdog: Watchdog) -> None:
        while True:
            watchdog.progress("the outbox of ops")
            await asyncio.sleep(0)

    with Watchdog(seconds=20 * TICK, end=lambda _: ended.set(), tick_seconds=TICK) as watchdog:
        task = asyncio.create_task(part(watchdog))
        await asyncio.sleep(TICK)
        assert ended.wait(10), "the wait blocks the loop: nobody tells of progress meanwhile"
        task.cancel()
