"""A narrow fold: sums of won deals by day and owner, channel, region, and what it costs an event.

The same records can be read by any other stream processor. Topic: four
partitions, keyed by deal. Value: a CloudEvent in JSON of about 640 bytes, of which
a fold needs `data.deal.closed_at` (its first ten characters are the day),
`data.deal.owners[0].owner_id`, `data.deal.dimensions.channel` and `.region`, and
`data.deal.amount.amount_minor`. Keys are drawn uniformly from 30 days, 100
owners, 12 channels and 24 regions; every deal comes once, as sequence 1.

    python -m bench.views --log kafka://… --database postgresql://… --topic t --load 500000
    python -m bench.views --log kafka://… --database postgresql://… --topic t --views 3
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import resource
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final, Literal, TypeAlias

import asyncpg
import msgspec
import uvloop

from chassis.process import quiet_collector
from events import (
    Connection,
    Consumer,
    ConsumerSettings,
    Dimensions,
    Event,
    EventData,
    EventLike,
    Folding,
    Log,
    Money,
    Owner,
    Unobserved,
    open_log,
    schema_sql,
)
from events.cloudevents import to_record
from events.log import TopicState
from events.types.pipeline import DealState, DealWon

PARTITIONS: Final = 4
DAYS, OWNERS, CHANNELS, REGIONS = 30, 100, 12, 24
_FIRST_DAY: Final = datetime(2026, 1, 1, 9, tzinfo=UTC)
_LOADED_AT_ONCE: Final = 10_000
_ROOT: Final = Path(__file__).parents[1]

VIEWS_SQL: Final = """
CREATE TABLE IF NOT EXISTS view_sums (
    view         smallint NOT NULL,
    day          integer NOT NULL,
    member       integer NOT NULL,
    deals        bigint NOT NULL,
    amount_minor bigint NOT NULL,
    PRIMARY KEY (view, day, member)
) WITH (fillfactor = 60)"""

_ADD: Final = """
INSERT INTO view_sums AS v (view, day, member, deals, amount_minor)
SELECT * FROM unnest($1::smallint[], $2::int[], $3::int[], $4::bigint[], $5::bigint[])
ON CONFLICT (view, day, member) DO UPDATE
SET deals = v.deals + excluded.deals, amount_minor = v.amount_minor + excluded.amount_minor"""

Cut: TypeAlias = tuple[int, str]
"""Day and member of a view."""

Sums: TypeAlias = dict[tuple[int, int, int], tuple[int, int]]
"""(view, day as an ordinal, member) to (deals, amount)."""


class _Seller(msgspec.Struct, gc=False):
    owner_id: str


class _Cuts(msgspec.Struct, gc=False):
    channel: str
    region: str


class _Amount(msgspec.Struct, gc=False):
    amount_minor: int


class _Sale(msgspec.Struct, gc=False):
    closed_at: datetime
    owners: list[_Seller]
    dimensions: _Cuts
    amount: _Amount


class SaleMade(EventData, frozen=True, kw_only=True):
    """What the fold reads of a `deal.won`."""

    wire_type = DealWon.wire_type

    deal: _Sale


class Drained(msgspec.Struct, frozen=True, kw_only=True):
    """What it took to apply so many events. CPU is user and system time together."""

    events: int
    batches: int
    wall_seconds: float
    python_cpu_seconds: float
    postgres_cpu_seconds: float
    peak_memory_bytes: int

    @property
    def events_a_second(self) -> float:
        return self.events / self.wall_seconds

    @property
    def cpu_microseconds_an_event(self) -> float:
        return (self.python_cpu_seconds + self.postgres_cpu_seconds) / self.events * 1e6


class ViewSums:
    """What a batch adds to the rows of one view or of three: one statement for all."""

    def __init__(self, *, views: Literal[1, 3] = 3) -> None:
        self._wide = views == 3
        self._by_owner: dict[Cut, list[int]] = {}
        self._by_channel: dict[Cut, list[int]] = {}
        self._by_region: dict[Cut, list[int]] = {}

    def add(self, events: Sequence[EventLike]) -> None:
        wide = self._wide
        by_owner, by_channel, by_region = self._by_owner, self._by_channel, self._by_region
        for event in events:
            deal = event.data.deal  # type: ignore[attr-defined]
            day, amount = deal.closed_at.toordinal(), deal.amount.amount_minor
            _add(by_owner, (day, deal.owners[0].owner_id), amount)
            if wide:
                _add(by_channel, (day, deal.dimensions.channel), amount)
                _add(by_region, (day, deal.dimensions.region), amount)

    async def save(self, connection: Connection) -> None:
        views = (self._by_owner, self._by_channel, self._by_region)
        rows = sorted(  # in one order for all workers, or two could deadlock
            (view, day, int(member[1:]), *sums)
            for view, folded in enumerate(views)
            for (day, member), sums in folded.items()
        )
        await connection.execute(_ADD, *(list(column) for column in zip(*rows, strict=True)))


def _add(folded: dict[Cut, list[int]], key: Cut, amount: int) -> None:
    try:
        sums = folded[key]
    except KeyError:
        folded[key] = [1, amount]
    else:
        sums[0] += 1
        sums[1] += amount


def deals(count: int, *, seed: int = 1) -> Iterator[DealState]:
    """The deals of a load, the same for the same seed."""
    draw = random.Random(seed)
    for _ in range(count):
        closed_at = _FIRST_DAY + timedelta(days=draw.randrange(DAYS))
        yield DealState(
            deal_id=str(uuid.UUID(int=draw.getrandbits(128))),
            pipeline="standard",
            stage="won",
            stage_rank=5,
            status="won",
            episode=1,
            created_at=closed_at - timedelta(days=20),
            closed_at=closed_at,
            owners=[Owner(owner_id=f"o{draw.randrange(OWNERS)}", weight_bp=10_000)],
            dimensions=Dimensions(
                channel=f"c{draw.randrange(CHANNELS)}", region=f"r{draw.randrange(REGIONS)}"
            ),
            amount=Money(amount_minor=draw.randrange(10_000, 5_000_000), currency="USD"),
        )


def expected(count: int, *, views: Literal[1, 3] = 3, seed: int = 1) -> Sums:
    """What the rows must hold after a drain, worked out another way."""
    sums: Sums = {}
    for deal in deals(count, seed=seed):
        assert deal.closed_at is not None
        assert deal.amount is not None
        day, cut = deal.closed_at.toordinal(), deal.dimensions
        members = (deal.owners[0].owner_id, cut.channel, cut.region)[:views]
        for view, member in enumerate(members):
            assert member is not None
            key = (view, day, int(member[1:]))
            before = sums.get(key, (0, 0))
            sums[key] = (before[0] + 1, before[1] + deal.amount.amount_minor)
    return sums


async def held(connection: Connection) -> Sums:
    """What the rows hold."""
    rows = await connection.fetch("SELECT view, day, member, deals, amount_minor FROM view_sums")
    return {(row[0], row[1], row[2]): (row[3], row[4]) for row in rows}


async def load(log: Log, topic: str, *, events: int, seed: int = 1) -> None:
    """Make the topic and publish so many won deals."""
    await log.create_topic(TopicState(name=topic, partitions=PARTITIONS, retention_seconds=None))
    producer = await log.producer()
    now, records = datetime.now(UTC), []
    for deal in deals(events, seed=seed):
        won = Event.of(
            DealWon(deal=deal),
            source="/tandem/pipeline",
            sequence=1,
            occurred_at=deal.closed_at or now,
            recorded_at=now,
        )
        records.append(to_record(won, topic=topic))
        if len(records) == _LOADED_AT_ONCE:
            await producer.publish(records)
            records.clear()
    await producer.publish(records)
    await producer.close()


def drain(
    log: str,
    database: str,
    topic: str,
    *,
    views: Literal[1, 3] = 3,
    versions: Literal["consumer", "handler"] = "consumer",
    **settings: float,
) -> Drained:
    """Apply the whole topic in a process of its own, from the log's URL to an empty database's.

    `settings` are those of ConsumerSettings; `max_records=1` gives a transaction to each event
    where the consumer checks versions.
    """
    arguments = [f"--log={log}", f"--database={database}", f"--topic={topic}", f"--views={views}"]
    arguments += [f"--versions={versions}"]
    arguments += [f"--set={name}={value}" for name, value in settings.items()]
    done = subprocess.run(
        [sys.executable, "-m", "bench.views", *arguments],
        cwd=_ROOT,
        stdout=subprocess.PIPE,
        check=True,
    )
    return msgspec.json.decode(done.stdout, type=Drained)


class _Meter(Unobserved):
    """Starts at the claim and stops at the last record."""

    def __init__(self, *, events: int, server: int) -> None:
        self._events = events
        self._server = server
        self._begun = (0.0, 0.0, 0.0)
        self._records = self._batches = 0
        self.done = asyncio.Event()
        self.result: Drained | None = None

    def claimed(self, consumer: str, *, partitions: int) -> None:  # noqa: ARG002 - an observer's
        if not self._records:
            self._begun = self._now()

    def retrying(self, consumer: str, *, error: Exception, seconds: float) -> None:  # noqa: ARG002
        print(f"bench.views: {error!r}", file=sys.stderr)

    def batch_applied(self, consumer: str, *, records: int, **_: object) -> None:  # noqa: ARG002
        self._records += records
        self._batches += 1
        if self._records >= self._events and self.result is None:
            wall, python, postgres = map(float.__sub__, self._now(), self._begun)
            self.result = Drained(
                events=self._records,
                batches=self._batches,
                wall_seconds=wall,
                python_cpu_seconds=python,
                postgres_cpu_seconds=postgres,
                peak_memory_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            )
            self.done.set()

    def _now(self) -> tuple[float, float, float]:
        return time.monotonic(), time.process_time(), _cpu_seconds_of_family(self._server)


def _cpu_seconds_of_family(process: int) -> float:
    """CPU of a process, its children of now, and those that it has seen end."""
    ticks = 0
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(") ")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(entry.name) == process:
            ticks += sum(map(int, fields[11:15]))
        elif int(fields[1]) == process:
            ticks += sum(map(int, fields[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def _parent(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2].split()[1])


async def _drain_here(arguments: argparse.Namespace) -> Drained:
    settings = dict(pair.split("=") for pair in arguments.set)
    async with (
        open_log(arguments.log) as log,
        asyncpg.create_pool(arguments.database, min_size=1, max_size=4) as pool,
    ):
        for statement in (VIEWS_SQL, *schema_sql.statements(schema_sql.CONSUMER_SQL)):
            await pool.execute(statement)
        ends = await log.ends(await log.partitions([arguments.topic]))
        backend = await pool.fetchval("SELECT pg_backend_pid()")
        meter = _Meter(
            events=min(arguments.most, sum(ends.values())),
            server=_parent(backend),
        )
        consumer = Consumer(
            log,
            pool,
            name="views",
            topics=[arguments.topic],
            handler=Folding(partial(ViewSums, views=arguments.views)),
            reads=[SaleMade],
            versions=arguments.versions,
            observer=meter,
            settings=msgspec.convert(settings, ConsumerSettings, strict=False),
        )
        stop = asyncio.Event()
        running = asyncio.create_task(consumer.run(stop))
        await asyncio.wait(
            {running, asyncio.create_task(meter.done.wait())}, return_when=asyncio.FIRST_COMPLETED
        )
        stop.set()
        await running
    assert meter.result is not None
    return meter.result


async def _load_here(arguments: argparse.Namespace) -> None:
    async with open_log(arguments.log) as log:
        await load(log, arguments.topic, events=arguments.load)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.views")
    parser.add_argument("--log", required=True)
    parser.add_argument("--database", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--views", type=int, choices=(1, 3), default=3)
    parser.add_argument("--versions", choices=("consumer", "handler"), default="consumer")
    parser.add_argument("--load", type=int, default=0, help="publish so many, drain nothing")
    parser.add_argument("--most", type=int, default=sys.maxsize, help="stop after so many")
    parser.add_argument("--set", action="append", default=[], help="name=value of ConsumerSettings")
    arguments = parser.parse_args()
    if arguments.load:
        uvloop.run(_load_here(arguments))
        return
    quiet_collector()
    sys.stdout.buffer.write(msgspec.json.encode(uvloop.run(_drain_here(arguments))) + b"\n")


if __name__ == "__main__":
    main()
