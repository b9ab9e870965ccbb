"""The relay's drain of an outbox, beside Debezium's outbox event router on the same rows.

Both read the table that the product's migrations make, on one PostgreSQL with
`wal_level=logical`, and write to one broker. Debezium is warmed up, then stopped by a
signal while rows gather, and its drain is timed from the first record that comes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median
from typing import Final

import asyncpg

from bench.loading import Patterns
from bench.outbox_rows import fill, new_outbox, relay
from bench.peers.debezium import SPECVERSION_SQL, debezium
from bench.processor_time import Parties, Spent
from bench.report import Figure, Goal, ratio
from bench.servers import Servers, servers
from bench.views import PARTITIONS
from events import Log, TopicPartition, open_log
from events.cloudevents import from_record
from events.log import TopicState

AGAINST_DEBEZIUM: Final = Goal(3, 10)
ROWS: Final = 80_000
_THEIR_ROWS: Final = 40_000
_WARM_UP_ROWS: Final = 8_000
_WARM_UPS: Final = 5
_RUNS: Final = 3
_LONGEST_SECONDS: Final = 20.0
_POLL_SECONDS: Final = 0.01


@dataclass(frozen=True)
class Drain:
    """From the first record seen on the log to the last; `events` are those between."""

    events: int
    spent: Spent

    @property
    def rate(self) -> float:
        return self.events / self.spent.wall_seconds

    @property
    def cpu(self) -> float:
        return self.spent.microseconds(*self.spent.seconds, events=self.events)


def measure(scale: float) -> Iterator[Figure]:
    with servers(postgres_options=["wal_level=logical"]) as here:
        asyncio.run(_ours(here, int(ROWS * scale)))  # warms the broker's compiler up, for both
        ours = [asyncio.run(_ours(here, int(ROWS * scale))) for _ in range(_RUNS)]
        yield _figure("the relay", ours, "rows deleted as well")
        theirs, note = asyncio.run(_theirs(here, int(_THEIR_ROWS * scale)))
        yield _figure("Debezium's outbox router", theirs, note)
        yield ratio(
            "relay's drain against Debezium",
            median(d.rate for d in ours) / median(d.rate for d in theirs),
            goal=AGAINST_DEBEZIUM,
            note=f"by processor time, everyone's, "
            f"{median(d.cpu for d in theirs) / median(d.cpu for d in ours):.1f}x",
        )


def _figure(who: str, drains: list[Drain], note: str) -> Figure:
    middle = sorted(drains, key=lambda drain: drain.rate)[len(drains) // 2]
    return Figure(
        f"drain of an outbox by {who}",
        f"{middle.rate:,.0f}/s",
        f"{middle.spent.told(middle.events)}; {note}",
    )


async def _ours(here: Servers, rows: int) -> Drain:
    """One relay, started on rows that wait for it."""
    database, topic = await asyncio.to_thread(new_outbox, here), here.new_topic()
    async with open_log(here.log) as log:
        await _make(log, topic)
        connection = await asyncpg.connect(database)
        await fill(connection, topic, patterns=Patterns(), first=0, count=rows)
        with relay(here, database) as pid:
            parties = Parties.of(client=pid, database=here.postgres_pid, broker=here.broker_pid)
            drain = await _timed(log, topic, parties, total=rows)
            waiting = True
            while waiting:
                await asyncio.sleep(_POLL_SECONDS)
                waiting = await connection.fetchval("SELECT exists(SELECT FROM outbox)")
        await connection.close()
    return drain


async def _theirs(here: Servers, rows: int) -> tuple[list[Drain], str]:
    """Debezium on an outbox whose rows stay, as its users have it; warmed up, then measured."""
    database, topic = await asyncio.to_thread(new_outbox, here), here.new_topic()
    async with open_log(here.log) as log:
        await _make(log, topic)
        connection = await asyncpg.connect(database)
        await connection.execute(SPECVERSION_SQL)
        with debezium(here, database) as peer:
            parties = Parties.of(
                client=peer.pid, database=here.postgres_pid, broker=here.broker_pid
            )
            drains: list[Drain] = []
            for count in [_WARM_UP_ROWS] * _WARM_UPS + [rows] * _RUNS:
                sent = await _held(log, topic)
                peer.pause()
                await fill(connection, topic, patterns=Patterns(), first=sent, count=count)
                peer.go_on()
                drains.append(
                    await _timed(log, topic, parties, total=sent + count, check=peer.check)
                )
                if await _held(log, topic) < sent + count:
                    break  # slower than we wait for: what came in that time is its rate
            note = await _readable(log, topic)
        await connection.close()
    return drains[_WARM_UPS:] or drains[-1:], note


async def _timed(
    log: Log,
    topic: str,
    parties: Parties,
    *,
    total: int,
    check: Callable[[], None] = lambda: None,
) -> Drain:
    """Wait until the topic holds `total` records, but not for ever."""
    before = await _held(log, topic)
    while (first := await _held(log, topic)) == before:
        check()
        await asyncio.sleep(_POLL_SECONDS)
    begun = parties.read()
    held = first
    while held < total:
        check()
        await asyncio.sleep(_POLL_SECONDS)
        held = await _held(log, topic)
        if parties.read().at - begun.at > _LONGEST_SECONDS:
            break
    return Drain(events=max(1, held - first), spent=parties.read() - begun)


async def _held(log: Log, topic: str) -> int:
    """How many records the topic has."""
    partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
    return sum((await log.ends(partitions)).values())


async def _make(log: Log, topic: str) -> None:
    await log.create_topic(TopicState(name=topic, partitions=PARTITIONS, retention_seconds=None))


async def _readable(log: Log, topic: str) -> str:
    """That our consumers can read what Debezium wrote: it is offered in place of the relay."""
    partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
    reader = await log.reader()
    reader.assign(await log.beginnings(partitions))
    polled = await reader.poll(max_records=1, timeout_seconds=5)
    await reader.close()
    event = from_record(next(iter(polled.values()))[0])
    return f"our consumers read its records as {event.type}, sequence {event.sequence}"
