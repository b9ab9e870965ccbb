"""The metrics service's whole fold: facts, journal, ledger and the cells of all KPIs, exactly once.

The same consumer and engine are run twice over events of the same kind: with batches
as in production, and with a transaction for each event. Beside them COPY of the events.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import asyncpg
import uvloop
from msgspec.structs import replace

from bench.copying import copy_rate
from bench.fold import AGAINST_COPY, AGAINST_PER_EVENT
from bench.kpi_costs import Storage, class_costs, storage_of
from bench.processor_time import Parties, Spent
from bench.report import Figure, Goal, ratio
from bench.servers import Servers, migrate_in_own_process, servers
from chassis.clock import SystemClock
from chassis.process import quiet_collector
from events import (
    Consumer,
    ConsumerSettings,
    Dimensions,
    Event,
    Log,
    Money,
    Owner,
    Unobserved,
    open_log,
)
from events.cloudevents.kafka import to_record
from events.log.port import NewRecord, TopicState
from events.types.pipeline import DealCreated, DealState, DealWon
from metrics.catalogues import terms_of
from metrics.engine.company import Company
from metrics.handler import Folder, entry_of
from metrics.merging import merge
from metrics.rebuild import move_on, prepare, start_build

DEALS: Final = 20_000
DEALS_ONE_BY_ONE: Final = 500
DEALS_OF_A_CLASS: Final = 1_500
COMPANY: Final = Company(time_zone="Asia/Shanghai", base_currency="USD")
AGAINST_FOLD: Final = Goal(2, 4)
"""A rebuild must catch up with what is folded meanwhile."""
_STATISTICS_SECONDS: Final = 1.5
"""PostgreSQL tells its counts of rows about a second late."""
_NOW: Final = datetime.now(UTC)


def measure(scale: float) -> Iterator[Figure]:
    """Two events a deal; owners, teams and days as in a company of a hundred salespeople."""
    quiet_collector()  # as a worker does
    deals = int(DEALS * scale)
    with servers() as here:
        batched = uvloop.run(_measure(here, deals=deals, settings=ConsumerSettings()))
        yield Figure(
            "fold of deal events, all KPIs",
            f"{batched.rate:,.0f}/s",
            f"{2 * deals:,} events; {batched.spent.told(batched.events)}; "
            f"{batched.rows / batched.events:.1f} rows written an event, "
            f"{batched.microseconds / batched.rows * batched.events:.1f} µs each; "
            f"{batched.storage.changes:.1f} changes an event, "
            f"{batched.microseconds / batched.storage.changes:.0f} µs each",
        )
        yield Figure("bytes on disk with indexes", batched.storage.told())
        yield from batched.costs
        assert batched.rebuilt is not None
        yield ratio(
            "rebuild of all KPIs against their fold",
            batched.rebuilt.rate / batched.rate,
            goal=AGAINST_FOLD,
            note=f"{batched.rebuilt.rate:,.0f}/s; {batched.rebuilt.spent.told(batched.events)}; by"
            f" processor time {batched.microseconds / batched.rebuilt.microseconds:.1f}x",
        )
        one_by_one = ConsumerSettings(max_records=1)
        single = uvloop.run(_measure(here, deals=DEALS_ONE_BY_ONE, settings=one_by_one))
        yield Figure(
            "the same with a transaction for each event",
            f"{single.rate:,.0f}/s",
            single.spent.told(single.events),
        )
        yield ratio(
            "fold against a transaction for each event, all KPIs",
            batched.rate / single.rate,
            goal=AGAINST_PER_EVENT,
            note=f"by processor time {single.microseconds / batched.microseconds:.1f}x",
        )
        values = [record.value or b"" for record in _records(deals, "any")]
        copied = copy_rate(here.new_database(), values, times=10, server=here.postgres_pid)
        yield ratio(
            "fold against COPY of the events, all KPIs",
            batched.rate / copied.events_a_second,
            goal=AGAINST_COPY,
            note=f"COPY {copied.events_a_second:,.0f}/s",
        )


@dataclass(frozen=True)
class _Worked:
    """So many events, and what they took."""

    events: int
    spent: Spent

    @property
    def rate(self) -> float:
        return self.events / self.spent.wall_seconds

    @property
    def microseconds(self) -> float:
        return self.spent.microseconds("client", "database", events=self.events)


@dataclass(frozen=True)
class _Folded(_Worked):
    """From the consumer's start to the last merge; and the same made anew from the journal."""

    rows: int
    storage: Storage
    costs: Sequence[Figure] = ()
    rebuilt: _Worked | None = None


class _Telling(Unobserved):
    """A fold that cannot go on is tried for ever; unsaid that would look like a slow one."""

    def retrying(self, consumer: str, *, error: Exception, seconds: float) -> None:
        print(f"{consumer} tries again in {seconds} s: {error!r}", file=sys.stderr)


async def _measure(here: Servers, *, deals: int, settings: ConsumerSettings) -> _Folded:
    topic, database = here.new_topic(), here.new_database()
    await asyncio.to_thread(migrate_in_own_process, "metrics", database)
    parties = Parties.of(client=os.getpid(), database=here.postgres_pid, broker=here.broker_pid)
    async with (
        open_log(here.log) as log,
        asyncpg.create_pool(database, min_size=0, max_size=4) as pool,
    ):
        await _publish(log, topic, deals)
        await prepare(pool, company=COMPANY)
        folder = Folder(company=COMPANY, shard=0, clock=SystemClock(), watermark=lambda: None)
        consumer = Consumer(
            log,
            pool,
            name="bench",
            topics=(topic,),
            handler=folder,
            observer=_Telling(),
            settings=settings,
        )
        stop = asyncio.Event()
        # From the start, for what the first batch leaves pending is merged with all the rest.
        begun = parties.read()
        running = asyncio.create_task(consumer.run(stop))
        await _until_applied(pool, 2 * deals)
        # In production a task beside the consumer does this.
        while await merge(pool, company=COMPANY, shard=0):
            pass
        spent = parties.read() - begun
        stop.set()
        await running
        await asyncio.sleep(_STATISTICS_SECONDS)
        written = await pool.fetchval("SELECT sum(n_tup_ins + n_tup_upd) FROM pg_stat_user_tables")
        storage = await storage_of(pool, events=2 * deals)
        rebuilt = await _rebuild(pool, parties, events=2 * deals)
        costs = await _costs(pool, parties) if settings.max_records > 1 else []
    return _Folded(
        events=2 * deals,
        spent=spent,
        rows=int(written),
        storage=storage,
        costs=costs,
        rebuilt=rebuilt,
    )


async def _rebuild(pool: asyncpg.Pool[Any], parties: Parties, *, events: int) -> _Worked:
    """Make all figures anew beside the live ones, until they take their place."""
    begun = parties.read()
    async with pool.acquire() as connection:
        async with connection.transaction():
            await start_build(connection, terms_of(COMPANY), to_go_live=True, asked_by="bench")
        while await move_on(connection, company=COMPANY, clock=SystemClock()):
            pass
    return _Worked(events=events, spent=parties.read() - begun)


async def _costs(pool: asyncpg.Pool[Any], parties: Parties) -> list[Figure]:
    entries = [entry_of(event) for event in deal_events(DEALS_OF_A_CLASS)]
    return await class_costs(pool, parties, entries, company=COMPANY)


async def _until_applied(pool: asyncpg.Pool[Any], count: int) -> None:
    """Wait until so many events are applied."""
    while True:
        applied = await pool.fetchval(
            "SELECT coalesce(sum(next_offset), 0) FROM consumer_positions"
        )
        if applied >= count:
            return
        await asyncio.sleep(0.05)


async def _publish(log: Log, topic: str, deals: int) -> None:
    await log.create_topic(TopicState(name=topic, partitions=4, retention_seconds=None))
    producer = await log.producer()
    records = _records(deals, topic)
    for start in range(0, len(records), 5_000):
        await producer.publish(records[start : start + 5_000])
    await producer.close()


def _records(deals: int, topic: str) -> list[NewRecord]:
    return [to_record(event, topic=topic) for event in deal_events(deals)]


def deal_events(deals: int) -> Iterator[Event]:
    """Each deal is created, and won weeks later, by one of five thousand customers."""
    draw = random.Random(1)
    for _ in range(deals):
        state = _deal(draw)
        won = _won(state)
        for sequence, data in ((1, DealCreated(deal=state)), (2, DealWon(deal=won))):
            yield Event.of(
                data,
                source="/tandem/pipeline",
                sequence=sequence,
                occurred_at=won.closed_at if sequence == 2 and won.closed_at else state.created_at,
                recorded_at=_NOW,
            )


def _deal(draw: random.Random) -> DealState:
    return DealState(
        deal_id=str(uuid.UUID(int=draw.getrandbits(128))),
        pipeline="standard",
        stage="proposal",
        stage_rank=2,
        status="open",
        episode=1,
        created_at=_NOW - timedelta(days=draw.randrange(60, 400)),
        owners=[Owner(owner_id=f"owner-{draw.randrange(100)}", weight_bp=10_000)],
        dimensions=Dimensions(
            team=f"team-{draw.randrange(12)}",
            channel=f"channel-{draw.randrange(12)}",
            segment=f"segment-{draw.randrange(3)}",
            sector=f"sector-{draw.randrange(10)}",
            region=f"region-{draw.randrange(24)}",
            product=f"product-{draw.randrange(20)}",
        ),
        customer_id=str(draw.randrange(5_000)),
        amount=Money(amount_minor=draw.randrange(10_000, 5_000_000), currency="USD"),
    )


def _won(deal: DealState) -> DealState:
    return replace(
        deal,
        stage="won",
        status="won",
        closed_at=deal.created_at + timedelta(days=len(deal.deal_id)),
    )
