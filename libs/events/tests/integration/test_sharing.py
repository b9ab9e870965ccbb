"""Several relays on one outbox: fair shares, order across every hand-over, no stalled owner."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from events import Relay, append_asyncpg
from events.cloudevents import from_record
from events.outbox import SHARDS

PROCESS = Path(__file__).parent / "sharing_process.py"
SUBJECTS = 24
WAITING = "SELECT count(*) FROM outbox"
OWNERS = """
SELECT array_agg(shards ORDER BY shards) FROM (
    SELECT count(*) AS shards FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock'
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    GROUP BY pid) relays"""
HALVES = [SHARDS // 2, SHARDS // 2]


@asynccontextmanager
async def relay_process(
    event_log: str, database: str, *, may_sleep: str = "10s"
) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(PROCESS), event_log, database, may_sleep
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGCONT)
            process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(process.wait(), 30)


@asynccontextmanager
async def relay_here(world: Any, database: str) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(Relay(world.log, {"test": database}).run(stop))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(task, 30)


@asynccontextmanager
async def load(world: Any, make_event: Any) -> AsyncIterator[list[int]]:
    """All subjects grow by one version every few milliseconds; yields the versions so far."""
    versions: list[int] = []
    done = asyncio.Event()

    async def promise() -> None:
        while not done.is_set():
            version = len(versions) + 1
            events = [make_event(f"s{n}", version) for n in range(SUBJECTS)]
            await append_asyncpg(world.pool, events, topic=world.topic)
            versions.append(version)
            await asyncio.sleep(0.005)

    task = asyncio.create_task(promise())
    try:
        yield versions
    finally:
        done.set()
        await task


async def passed(world: Any, versions: list[int], more: int) -> None:
    """Wait until the load has gone on by so many versions."""
    goal = len(versions) + more
    async with asyncio.timeout(60):
        while len(versions) < goal:  # noqa: ASYNC110 - the load rings no bell
            await asyncio.sleep(0.01)


async def on_the_log(world: Any) -> dict[str, list[int]]:
    """The versions of each subject in the order of the log, copies and all."""
    reader = await world.log.reader()
    found: dict[str, list[int]] = {f"s{n}": [] for n in range(SUBJECTS)}
    partitions = await world.log.partitions([world.topic])
    ends = await world.log.ends(partitions)
    reader.assign(dict.fromkeys(partitions, 0))
    left = sum(ends.values())
    while left:
        for records in (await reader.poll(max_records=2_000, timeout_seconds=1)).values():
            left -= len(records)
            for event in map(from_record, records):
                found[event.subject].append(event.sequence)
    await reader.close()
    return found


def first_copies(found: dict[str, list[int]]) -> dict[str, list[int]]:
    """What a consumer applies of it, which drops what it has seen."""
    return {subject: list(dict.fromkeys(versions)) for subject, versions in found.items()}


def complete(versions: list[int]) -> dict[str, list[int]]:
    return {f"s{n}": versions for n in range(SUBJECTS)}


async def test_a_relay_that_joins_under_load_gets_its_share_and_leaves_it_without_a_copy(
    world: Any, event_log: str, database: str, make_event: Any
) -> None:
    async with relay_here(world, database):
        async with load(world, make_event) as versions:
            await world.until(OWNERS, [SHARDS], seconds=30)
            await passed(world, versions, 20)
            async with relay_process(event_log, database):
                await world.until(OWNERS, HALVES, seconds=30)
                await passed(world, versions, 50)
            await world.until(OWNERS, [SHARDS], seconds=30)
            await passed(world, versions, 20)
        await world.until(WAITING, 0, seconds=30)

    assert await on_the_log(world) == complete(versions)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
async def test_the_shards_of_a_relay_that_dies_or_stalls_under_load_are_taken_over(
    world: Any, event_log: str, database: str, make_event: Any, how: signal.Signals
) -> None:
    """The stalled one goes on later: what it still sends is late, what it deletes is nothing."""
    async with relay_process(event_log, database, may_sleep="1500ms") as unlucky:
        async with load(world, make_event) as versions, relay_here(world, database):
            await world.until(OWNERS, HALVES, seconds=30)
            await passed(world, versions, 20)
            unlucky.send_signal(how)
            await world.until(OWNERS, [SHARDS], seconds=30)
            await passed(world, versions, 20)
            if how is signal.SIGSTOP:
                # It joins again, or ends because it lost its log as well: both are right.
                unlucky.send_signal(signal.SIGCONT)
            await passed(world, versions, 50)
        async with relay_here(world, database):
            await world.until(WAITING, 0, seconds=30)

    assert first_copies(await on_the_log(world)) == complete(versions)
