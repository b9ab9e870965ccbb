"""After a stall: how long the consumer takes to catch up, and how much memory it needs meanwhile.

The consumer is stopped by a signal while events go on coming at half of what it can take.
Then another is started five million events behind, and the largest memory that it had is
that which the kernel remembers.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import asyncpg

from bench.draining import Drained, drain
from bench.loading import Patterns, publish, publish_made
from bench.report import Figure, Goal
from bench.servers import Servers, servers
from bench.views import PARTITIONS
from events import Log, TopicPartition, open_log

STALL_SECONDS: Final = 15.0
"""Of the 60 s in the goal; a quarter, so that all measurements end within 20 minutes."""
CATCHING_UP: Final = Goal(70 / 60, 45 / 60, at_most=True)
BEHIND: Final = 5_000_000
MOST_MEMORY: Final = Goal(512, 256, at_most=True)
"""MiB: what a worker may be given. How far it is behind must not matter."""
_PROBE: Final = 400_000
_RUNNING_SECONDS: Final = 5.0
_LOOK_SECONDS: Final = 0.02
_AT_END: Final = 0.5
"""Seconds of load that may be under way when it counts as caught up."""
_APPLIED: Final = "SELECT coalesce(sum(next_offset), 0)::bigint FROM consumer_positions"


def measure(scale: float) -> Iterator[Figure]:
    with servers() as here:
        probe = _drained(here, events=int(_PROBE * scale))
        rate = probe.events_a_second
        yield Figure(
            "what the consumer takes", f"{rate:,.0f}/s", "alone, of a backlog; half is the load"
        )
        stall = STALL_SECONDS * max(scale, 0.25)
        yield asyncio.run(_stall(here, rate=rate / 2, stall=stall))
        yield _memory(_drained(here, events=int(BEHIND * scale)), probe)


def _drained(here: Servers, *, events: int) -> Drained:
    """Publish all, then start a consumer on it."""
    topic = here.new_topic()
    asyncio.run(publish_made(here.log, here.kafka, topic, events=events))
    return drain(here.log, here.new_database(), topic, versions="handler")


async def _stall(here: Servers, *, rate: float, stall: float) -> Figure:
    topic, database = here.new_topic(), here.new_database()
    await publish(here.log, here.kafka, topic, events=1, patterns=Patterns())
    with _process("bench.fresh_fold", here.log, database, topic, "--untimed") as pid:
        connection = await _connected(database)
        await _until_applied(connection, 1)
        with _process("bench.steady_load", here.kafka, topic, f"{rate:.0f}"):
            async with open_log(here.log) as log:
                await _until_applied(connection, int(rate * _RUNNING_SECONDS))
                os.kill(pid, signal.SIGSTOP)
                await asyncio.sleep(stall)
                os.kill(pid, signal.SIGCONT)
                begun = time.monotonic()
                missed = behind = await _waiting(connection, log, topic)
                while behind > rate * _AT_END:
                    await asyncio.sleep(_LOOK_SECONDS)
                    behind = await _waiting(connection, log, topic)
                taken = time.monotonic() - begun
        await connection.close()
    return Figure(
        "catching up, for each second stalled",
        f"{taken / stall:.2f} s",
        f"{stall:.0f} s stalled at {rate:,.0f}/s, {missed:,} events behind, {taken:.1f} s to catch "
        "up; the goal is 70 s (aim 45 s) after 60 s. The load is published on the same cores, "
        "in batches made beforehand",
        taken / stall,
        CATCHING_UP,
    )


def _memory(most: Drained, usual: Drained) -> Figure:
    peak, beside = (drained.peak_memory_bytes / 2**20 for drained in (most, usual))
    return Figure(
        f"memory of the consumer, {most.events:,} events behind",
        f"at most {peak:.0f} MiB",
        f"{beside:.0f} MiB with {usual.events:,} behind; {most.events_a_second:,.0f}/s",
        peak,
        MOST_MEMORY,
    )


@contextmanager
def _process(module: str, *arguments: str) -> Iterator[int]:
    command = [sys.executable, "-m", module, *arguments]
    process = subprocess.Popen(command, cwd=Path(__file__).parents[1], stdout=subprocess.DEVNULL)
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


async def _connected(database: str) -> asyncpg.Connection[Any]:
    """To the consumer's database, as soon as the consumer has made its tables."""
    connection = await asyncpg.connect(database)
    table = None
    while table is None:
        await asyncio.sleep(_LOOK_SECONDS)
        table = await connection.fetchval("SELECT to_regclass('consumer_positions')")
    return connection


async def _until_applied(connection: asyncpg.Connection[Any], events: int) -> int:
    """How many are applied when it is at least so many."""
    applied = 0
    while applied < events:
        await asyncio.sleep(_LOOK_SECONDS)
        applied = int(await connection.fetchval(_APPLIED))
    return applied


async def _waiting(connection: asyncpg.Connection[Any], log: Log, topic: str) -> int:
    ends = await log.ends([TopicPartition(topic, number) for number in range(PARTITIONS)])
    return sum(ends.values()) - int(await connection.fetchval(_APPLIED))
