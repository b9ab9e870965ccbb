"""Processes that die, stop or hang in the middle, and servers that go away under them."""

from __future__ import annotations

import asyncio
import secrets
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from events import Connection, Consumer, ConsumerStuck, Received, open_log
from events.database_errors import DATABASE_ERRORS
from events.log import TopicState
from events.outbox import append_asyncpg

DONE = "SELECT count(*) FROM applied"
WAITING = "SELECT count(*) FROM outbox"
PROCESS = Path(__file__).parent / "consumer_process.py"


async def start(
    world: Any, event_log: str, database: str, *what: str
) -> asyncio.subprocess.Process:
    """A consumer or relay in a process of its own, which can be killed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(PROCESS), event_log, database, world.topic, *what
    )
    return process


async def end(process: asyncio.subprocess.Process, how: signal.Signals) -> None:
    if process.returncode is None:
        process.send_signal(how)
    await process.wait()


@pytest.mark.parametrize("moment", ["before_handler", "before_commit", "after_commit"])
async def test_a_consumer_killed_at_any_moment_counts_each_event_once(
    world: Any, event_log: str, database: str, make_event: Any, moment: str
) -> None:
    await world.publish(*(make_event(f"s{n % 5}", n // 5 + 1) for n in range(100)))

    killed = await start(world, event_log, database, "consume", moment)
    assert await asyncio.wait_for(killed.wait(), 20) == -signal.SIGKILL
    async with world.running(max_records=20):
        await world.until(DONE, 100)

    assert await world.applied() == {f"s{n}": list(range(1, 21)) for n in range(5)}


@pytest.mark.parametrize(
    ("moment", "last_line"),
    [
        ("block", "ended: stuck: consumer test made no progress for 3 s"),
        ("statement", "ConsumerStuck: test has 1 records to read and did nothing for"),
    ],
)
async def test_a_consumer_that_hangs_ends_itself_and_says_so_last(
    world: Any, event_log: str, database: str, make_event: Any, moment: str, last_line: str
) -> None:
    """An event loop that stands still, and a statement that never ends."""
    await world.publish(make_event("a", 1))
    hanging = await asyncio.create_subprocess_exec(
        *(sys.executable, str(PROCESS), event_log, database, world.topic, "consume", moment),
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _, said = await asyncio.wait_for(hanging.communicate(), 60)
    finally:
        await end(hanging, signal.SIGKILL)

    assert hanging.returncode == 1
    assert last_line in said.decode().splitlines()[-1]
    async with world.running():
        await world.until(DONE, 1)


async def test_a_consumer_stopped_within_its_transaction_is_replaced_and_commits_nothing_later(
    world: Any, event_log: str, database: str, make_event: Any
) -> None:
    await world.publish(*(make_event("a", n) for n in (1, 2, 3)))
    paused = await start(world, event_log, database, "consume", "pause")
    try:
        await world.until(
            "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'"
            " AND query LIKE '%the pause%'",
            1,
            seconds=20,
        )
        paused.send_signal(signal.SIGSTOP)
        async with world.running():
            await world.until(DONE, 3)
            paused.send_signal(signal.SIGCONT)
            await asyncio.sleep(0.5)
    finally:
        await end(paused, signal.SIGKILL)

    assert await world.applied() == {"a": [1, 2, 3]}


async def test_a_relay_killed_between_acknowledgement_and_delete_repeats_and_loses_nothing(
    world: Any, event_log: str, database: str, make_event: Any
) -> None:
    await append_asyncpg(world.pool, [make_event("a", n) for n in range(1, 51)], topic=world.topic)
    killed = await start(world, event_log, database, "relay", "before_delete")
    assert await asyncio.wait_for(killed.wait(), 20) == -signal.SIGKILL
    assert await world.pool.fetchval(WAITING) == 50

    relay = await start(world, event_log, database, "relay", "never")
    try:
        async with world.running():
            await world.until(WAITING, 0)
            await world.until("SELECT sum(next_offset)::int FROM consumer_positions", 100)
    finally:
        await end(relay, signal.SIGTERM)

    assert await world.applied() == {"a": list(range(1, 51))}
    assert await world.reasons() == {}


async def test_a_handler_that_hangs_ends_the_process(world: Any, make_event: Any) -> None:
    async def hang(connection: Connection, received: Sequence[Received]) -> None:
        await asyncio.Event().wait()

    await world.publish(make_event("a", 1))
    with pytest.raises(ConsumerStuck, match="1 records to read"):
        await asyncio.wait_for(world.consumer(hang, stuck_seconds=0.5).run(asyncio.Event()), 10)


async def test_terminated_database_sessions_are_replaced_and_nothing_is_counted_twice(
    world: Any, make_event: Any
) -> None:
    terminate = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    async with world.running():
        for sequence in range(1, 6):
            await world.publish(*(make_event(f"s{n}", sequence) for n in range(10)))
            async with world.pool.acquire() as connection:
                await connection.execute(terminate)
        await _eventually(world, 50)

    assert await world.applied() == {f"s{n}": [1, 2, 3, 4, 5] for n in range(10)}


async def _eventually(world: Any, expected: int) -> None:
    """As `until`, though the pool's sessions may just have been ended."""
    for _ in range(100):
        try:
            if await world.pool.fetchval(DONE) == expected:
                return
        except DATABASE_ERRORS:
            pass
        await asyncio.sleep(0.1)
    pytest.fail(f"not {expected} were applied")


async def test_members_that_come_and_go_leave_no_gap_and_no_overlap(
    world: Any, make_event: Any
) -> None:
    for sequence in range(1, 6):
        async with world.running(), world.running():
            await world.publish(*(make_event(f"s{n}", sequence) for n in range(10)))
            await asyncio.sleep(0.15)
    async with world.running():
        await world.until(DONE, 50)

    assert await world.applied() == {f"s{n}": [1, 2, 3, 4, 5] for n in range(10)}


@pytest.mark.kafka
async def test_a_broker_killed_under_load_is_waited_for(
    own_kafka: Any, pool: Any, database: str, make_event: Any
) -> None:
    """What was acknowledged survives; relay processes die as they should, the consumer waits."""
    topic = f"t-{secrets.token_hex(3)}"
    async with open_log(own_kafka.url) as log:
        await log.create_topic(TopicState(topic, 2, None))
        seen: list[int] = []

        async def collect(connection: Connection, received: Sequence[Received]) -> None:
            seen.extend(item.event.sequence for item in received)

        stop = asyncio.Event()
        consumer = Consumer(log, pool, name="test", topics=[topic], handler=collect)
        consuming = asyncio.create_task(consumer.run(stop))
        producer = await log.producer()
        from events.cloudevents import to_record  # noqa: PLC0415

        await producer.publish([to_record(make_event("a", n), topic=topic) for n in (1, 2)])
        own_kafka.kill()
        await asyncio.sleep(0.5)
        await asyncio.to_thread(own_kafka.start)
        successor = await log.producer()
        await successor.publish([to_record(make_event("a", n), topic=topic) for n in (3, 4)])
        async with asyncio.timeout(30):
            while len(seen) < 4:  # noqa: ASYNC110 - filled by the handler
                await asyncio.sleep(0.05)
        stop.set()
        await consuming
        await successor.close()
        await producer.close()

    assert seen == [1, 2, 3, 4]
