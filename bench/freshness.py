"""From a business transaction to the commit of the narrow views, for every event, open loop.

Events are committed to an outbox by a fixed schedule; the product's relay, the broker and
the product's consumer do the rest, all on the same cores as the driver. A delay counts
from the time at which the transaction was due, so what the driver was late is in it.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Final

import asyncpg
import uvloop

from bench.loading import Patterns
from bench.outbox_rows import new_outbox, promising, relay, won
from bench.processor_time import Parties, Spent
from bench.report import Figure, Goal, milliseconds, percentile
from bench.schedule import NOT_KEPT, Schedule, is_kept, keep
from bench.servers import Servers, servers
from bench.views import PARTITIONS
from events import Event, open_log
from events.log import TopicState

RATES: Final = (100, 1_000, 5_000, 10_000, 15_000, 20_000)
SECONDS: Final = 8.0
GOAL_RATE: Final = 20_000
P50, P99 = Goal(25, 12, at_most=True), Goal(80, 30, at_most=True)
_SETTLING_SHARE: Final = 0.15
"""Of each rate's events the first are left out: pools fill, plans are made."""
_WARM_UP: Final = Schedule(5_000, 4.0)
_SESSIONS: Final = 7
_COUNTED: Final = "SELECT sum(deals) FROM view_sums WHERE view = 0"
_PATIENCE_SECONDS: Final = 15.0
_PREPARING_SECONDS: Final = 3e-5
"""For each event: what making it beforehand takes at most."""


@dataclass(frozen=True)
class _Fresh:
    """What one rate gave: delays of the events, times of the driver, and who spent what."""

    events: int
    delays: list[float]
    commits: list[float]
    spent: Spent

    @property
    def settled(self) -> list[float]:
        return self.delays[int(len(self.delays) * _SETTLING_SHARE) :]

    def is_within(self, p99_milliseconds: float) -> bool:
        """Whether all came, and were that fresh."""
        all_came = len(self.delays) == self.events
        return all_came and percentile(self.settled, 0.99) * 1e3 <= p99_milliseconds


def measure(scale: float) -> Iterator[Figure]:
    with servers() as here:
        uvloop.run(_fresh(here, _WARM_UP))  # the broker's compiler has much to do at first
        highest = 0
        for rate in RATES:
            schedule = Schedule(rate, max(3.0, SECONDS * scale))
            fresh = uvloop.run(_fresh(here, schedule))
            yield from _figures(rate, schedule, fresh)
            if fresh.is_within(P99.floor):
                highest = rate
        yield Figure(
            f"highest of these rates with a p99 of at most {P99.floor:.0f} ms",
            f"{highest:,} events/s",
        )


def _figures(rate: int, schedule: Schedule, fresh: _Fresh) -> Iterator[Figure]:
    delays = fresh.settled
    missing = fresh.events - len(fresh.delays)
    late = f"; {missing:,} had not come {_PATIENCE_SECONDS:.0f} s after the end" if missing else ""
    late += "" if is_kept(fresh.commits) else f"; {NOT_KEPT}"
    yield Figure(
        f"due time to the views' commit at {rate:,} events/s",
        milliseconds(delays) if delays else "none came",
        f"{len(delays):,} events, {schedule.events_a_transaction} a transaction, each measured; "
        f"the business transaction itself {milliseconds(fresh.commits)}; "
        f"{fresh.spent.told(fresh.events)}{late}",
    )
    if rate == GOAL_RATE and delays:
        for name, share, goal in (("p50", 0.5, P50), ("p99", 0.99, P99)):
            value = percentile(delays, share) * 1e3
            yield Figure(
                f"freshness {name} at {rate:,} events/s", f"{value:.0f} ms", "", value, goal
            )


async def _fresh(here: Servers, schedule: Schedule) -> _Fresh:
    outbox = await asyncio.to_thread(new_outbox, here)
    views, topic = here.new_database(), here.new_topic()
    async with open_log(here.log) as log:
        await log.create_topic(
            TopicState(name=topic, partitions=PARTITIONS, retention_seconds=None)
        )
    with _folding(here, views, topic) as folding, relay(here, outbox) as relaying:
        await _until_claimed(views)
        parties = Parties.of(
            relay=relaying,
            consumer=folding.pid,
            database=here.postgres_pid,
            broker=here.broker_pid,
        )
        async with promising(outbox, topic=topic, sessions=_SESSIONS) as promise:
            begun_at = time.time() + 1 + schedule.events * _PREPARING_SECONDS
            prepared = _prepared(schedule, begun_at)

            async def transact(number: int, _due: float) -> None:
                await promise(prepared[number])

            begun, driver = parties.read(), time.process_time()
            commits = await keep(schedule, transact, sessions=_SESSIONS, begun_at=begun_at)
            driver = time.process_time() - driver
            await _until_applied(views, schedule.events)
            spent = parties.read() - begun
        folding.terminate()
        told, _ = await asyncio.to_thread(folding.communicate)
    spent = Spent(spent.wall_seconds, {"driver": driver, **spent.seconds})
    return _Fresh(schedule.events, [float(line) for line in told.split()], commits, spent)


def _prepared(schedule: Schedule, begun_at: float) -> list[list[Event]]:
    """The events of each transaction, made beforehand: the driver shares the two cores."""
    payloads = Patterns().payloads(0, schedule.events)
    return [
        [
            won(*payload, at=datetime.fromtimestamp(begun_at + offset, UTC))
            for payload in islice(payloads, schedule.events_a_transaction)
        ]
        for offset in schedule.offsets()
    ]


@contextmanager
def _folding(here: Servers, database: str, topic: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.fresh_fold", here.log, database, topic],
        cwd=Path(__file__).parents[1],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def _until_claimed(views: str) -> None:
    """The consumer has made its tables and owns all partitions."""
    connection = await asyncpg.connect(views)
    owned = 0
    while owned < PARTITIONS:
        await asyncio.sleep(0.1)
        if await connection.fetchval("SELECT to_regclass('consumer_positions')") is not None:
            owned = await connection.fetchval("SELECT count(*) FROM consumer_positions")
    await connection.close()


async def _until_applied(views: str, events: int) -> None:
    """All have been counted, or our patience is over."""
    connection = await asyncpg.connect(views)
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            counted = 0
            while counted < events:
                await asyncio.sleep(0.1)
                counted = await connection.fetchval(_COUNTED) or 0
    except TimeoutError:
        return
    finally:
        await connection.close()
