"""The narrow fold, exactly once, on a real broker and PostgreSQL, beside three other ways to do it.

Won deals are summed by day and owner, and for three views by day and channel, day and
region too. Copies on the log are told from first ones by the consumer, which keeps a row for
each deal, or left to the handler. Kafka Streams does not tell them, so beside it the second
counts; both are reported. The rivals: a transaction for each event; Kafka Streams with the same
guarantee, its result in PostgreSQL; and COPY of the events, which only keeps them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from typing import Final, Literal

import asyncpg

from bench.copying import Copied, copy_rate
from bench.draining import Drained, drain
from bench.loading import Patterns, Spread, publish
from bench.peers.streams import Run, streams
from bench.per_event import Measured, per_event
from bench.processor_time import tree_seconds
from bench.report import Figure, Goal, ratio
from bench.servers import Servers, servers
from bench.views import VIEWS_SQL, Sums, held

EVENTS: Final = 400_000
_ONE_BY_ONE: Final = 2_000
_OURS: Final = 3
"""Runs of ours; the median counts. With versions checked by the consumer it is one."""
_WARM_UPS: Final = 5
_WARM: Final = 3
_COPIED: Final = 20_000
_SPREADS: Final[tuple[Spread, ...]] = ("hot tenant", "high cardinality")

AGAINST_PER_EVENT: Final = Goal(60, 120)
AGAINST_STREAMS: Final = Goal(2, 4)
AGAINST_COPY: Final = Goal(0.6, 1)

Views = Literal[1, 3]
Versions = Literal["consumer", "handler"]


@dataclass(frozen=True)
class Ours:
    """One drain of a topic by the product's consumer."""

    drained: Drained
    broker_seconds: float
    rows: int

    @property
    def cpu(self) -> float:
        return self.drained.cpu_microseconds_an_event

    @property
    def rate(self) -> str:
        return f"{self.drained.events_a_second:,.0f}/s"

    def told(self) -> str:
        d, n = self.drained, self.drained.events
        parts = (d.python_cpu_seconds, d.postgres_cpu_seconds, self.broker_seconds)
        client, database, broker = (seconds / n * 1e6 for seconds in parts)
        return (
            f"CPU µs an event: client {client:.1f}, database {database:.1f}, broker {broker:.1f}; "
            f"{d.batches} batches, {n / self.rows:.1f} events a written row"
        )


def measure(scale: float) -> Iterator[Figure]:
    """Load one topic, and have everybody read it."""
    events = int(EVENTS * scale)
    patterns = Patterns()
    with servers() as here:
        topic = here.new_topic()
        rate = asyncio.run(publish(here.log, here.kafka, topic, events=events, patterns=patterns))
        yield Figure("loaded", f"{rate:,.0f}/s", f"{events:,} events, lz4, 4 partitions")
        copied = _copied(here, patterns, times=max(1, events // _COPIED // 2))
        yield Figure(
            "COPY of the same events as json, one session",
            f"{copied.events_a_second:,.0f}/s",
            f"CPU µs an event: client and database {copied.cpu_microseconds:.1f}",
        )
        for views in (1, 3):
            yield from _views(here, topic, patterns, views=views, events=events, copied=copied)
        for spread in _SPREADS:
            yield _spread(here, spread, events=events // 4)


def _views(
    here: Servers, topic: str, patterns: Patterns, *, views: Views, events: int, copied: Copied
) -> Iterator[Figure]:
    expected = patterns.sums(events, views=views)
    name = f"{views} view{'s' if views > 1 else ''}"
    checked = _ours(here, topic, views=views, versions="consumer", expected=expected)
    yield Figure(f"fold, {name}, versions checked by the consumer", checked.rate, checked.told())
    ours = _median_of_ours(here, topic, views=views, expected=expected)
    yield Figure(f"fold, {name}", ours.rate, ours.told())
    single = per_event(here, topic, events=_ONE_BY_ONE, views=views)
    yield from _against_per_event(name, single, ours)
    rate = ours.drained.events_a_second
    yield ratio(
        f"fold against COPY of the events, {name}",
        rate / copied.events_a_second,
        goal=AGAINST_COPY,
        note=f"by processor time {copied.cpu_microseconds / ours.cpu:.2f}x",
    )
    theirs = _streams(here, topic, views=views, events=events, expected=expected)
    yield from _against_streams(name, theirs, events=events, ours=ours)
    client_and_database = _streams_cpu(theirs, "client", "database", events=events)
    yield ratio(
        f"the same with versions checked by the consumer, {name}",
        client_and_database / checked.cpu,
        note="knows copies on the log, which Kafka Streams does not",
    )


def _against_per_event(name: str, single: Measured, ours: Ours) -> Iterator[Figure]:
    client = single.client_seconds / single.events * 1e6
    database = single.database_seconds / single.events * 1e6
    theirs = single.events / single.wall_seconds
    yield Figure(
        f"a transaction for each event, {name}",
        f"{theirs:,.0f}/s",
        f"CPU µs an event: client {client:.0f}, database {database:.0f}",
    )
    yield ratio(
        f"fold against a transaction for each event, {name}",
        ours.drained.events_a_second / theirs,
        goal=AGAINST_PER_EVENT,
        note=f"by processor time {(client + database) / ours.cpu:.0f}x",
    )


def _against_streams(name: str, warm: list[Run], *, events: int, ours: Ours) -> Iterator[Figure]:
    last, their_rate = warm[-1], median(events / run.spent.wall_seconds for run in warm)
    yield Figure(
        f"Kafka Streams, {name}",
        f"{their_rate:,.0f}/s",
        f"{last.spent.told(events)}; {last.changes_read / events:.2f} changelog records and "
        f"{last.rows_written / events:.2f} rows an event; sums equal ours",
    )
    theirs = _streams_cpu(warm, "client", "database", events=events)
    with_broker = _streams_cpu(warm, "client", "database", "broker", events=events)
    all_of_ours = ours.cpu + ours.broker_seconds / events * 1e6
    yield ratio(
        f"events a CPU-second against Kafka Streams, {name}",
        theirs / ours.cpu,
        goal=AGAINST_STREAMS,
        note=f"application and PostgreSQL; with the broker {with_broker / all_of_ours:.2f}x, "
        f"by the clock {ours.drained.events_a_second / their_rate:.2f}x",
    )


def _streams_cpu(warm: list[Run], *parties: str, events: int) -> float:
    return median(run.spent.microseconds(*parties, events=events) for run in warm)


def _median_of_ours(here: Servers, topic: str, *, views: Views, expected: Sums) -> Ours:
    runs = [
        _ours(here, topic, views=views, versions="handler", expected=expected) for _ in range(_OURS)
    ]
    return sorted(runs, key=lambda run: run.cpu)[_OURS // 2]


def _ours(here: Servers, topic: str, *, views: Views, versions: Versions, expected: Sums) -> Ours:
    database = here.new_database()
    broker = tree_seconds(here.broker_pid)
    drained = drain(here.log, database, topic, views=views, versions=versions)
    broker = tree_seconds(here.broker_pid) - broker
    return Ours(drained, broker, asyncio.run(_checked_rows(database, expected)))


def _streams(here: Servers, topic: str, *, views: Views, events: int, expected: Sums) -> list[Run]:
    database = here.new_database()
    here.postgres.execute(VIEWS_SQL, database=database.rpartition("/")[2])
    with streams(here, topic=topic, events=events, views=views, database=database) as peer:
        for _ in range(_WARM_UPS):
            peer.run()
        warm = [peer.run() for _ in range(_WARM)]
    asyncio.run(_checked_rows(database, expected))
    return warm


async def _checked_rows(database: str, expected: Sums) -> int:
    """Rows written to get there; refuses a result that is not exact."""
    connection = await asyncpg.connect(database)
    try:
        if await held(connection) != expected:
            raise ValueError("the sums in PostgreSQL are not those of the events published")
        written = await connection.fetchval(
            "SELECT n_tup_ins + n_tup_upd FROM pg_stat_user_tables WHERE relname = 'view_sums'"
        )
    finally:
        await connection.close()
    return int(written) or 1


def _spread(here: Servers, spread: Spread, *, events: int) -> Figure:
    patterns, topic = Patterns(spread), here.new_topic()
    asyncio.run(publish(here.log, here.kafka, topic, events=events, patterns=patterns))
    ours = _ours(here, topic, views=3, versions="handler", expected=patterns.sums(events))
    return Figure(f"fold, 3 views, {spread}", ours.rate, ours.told())


def _copied(here: Servers, patterns: Patterns, *, times: int) -> Copied:
    values = [value for _, value, _ in patterns.records(0, _COPIED)]
    return copy_rate(here.new_database(), values, times=times, server=here.postgres_pid)
