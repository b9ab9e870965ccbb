"""Events a second through the fold: real broker, real PostgreSQL, exactly once, all KPIs.

The same consumer and engine are run twice over events of the same kind: with batches
as in production, and with a transaction for each event.
"""

from __future__ import annotations

import asyncio
import random
import resource
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Final

import asyncpg
from msgspec.structs import replace

from bench.report import Figure
from chassis.clock import SystemClock
from chassis.migrations import migrate
from events import Consumer, ConsumerSettings, Dimensions, Event, Log, Money, Owner, open_log
from events.cloudevents.kafka import to_record
from events.log.port import TopicState
from events.types.pipeline import DealCreated, DealState, DealWon
from local.stack import Stack
from metrics.engine.company import Company
from metrics.handler import Folder
from metrics.kpis import CATALOGUE
from metrics.rebuild import prepare

DEALS: Final = 20_000
DEALS_ONE_BY_ONE: Final = 500
COMPANY: Final = Company(time_zone="Asia/Shanghai", base_currency="USD")
_NOW: Final = datetime.now(UTC)


def fold_rate(stack: Stack) -> list[Figure]:
    """Two events a deal; owners, teams and days as in a company of a hundred salespeople."""
    batched, cpu = asyncio.run(_measure(stack, deals=DEALS, settings=ConsumerSettings()))
    single, _ = asyncio.run(
        _measure(stack, deals=DEALS_ONE_BY_ONE, settings=ConsumerSettings(max_records=1))
    )
    return [
        Figure("fold of deal events, all KPIs", f"{batched:,.0f}/s", f"{2 * DEALS:,} events"),
        Figure("processor time of the consumer", f"{cpu * 1e6:.0f} µs an event", "Python alone"),
        Figure("the same with a transaction for each event", f"{single:,.0f}/s"),
        Figure("batched against one by one", f"{batched / single:.0f}x"),
    ]


async def _measure(stack: Stack, *, deals: int, settings: ConsumerSettings) -> tuple[float, float]:
    """Events a second from the first read to the last commit, and CPU seconds an event."""
    topic = f"bench-{uuid.uuid4().hex[:8]}"
    database = await _new_database(stack, topic.replace("-", "_"))
    async with (
        open_log(stack.event_log) as log,
        asyncpg.create_pool(database, min_size=0, max_size=4) as pool,
    ):
        await _publish(log, topic, deals)
        await prepare(pool, company=COMPANY, catalogue=CATALOGUE)
        folder = Folder(
            company=COMPANY,
            catalogue=CATALOGUE,
            shard=0,
            clock=SystemClock(),
            watermark=lambda: None,
        )
        consumer = Consumer(
            log, pool, name="bench", topics=(topic,), handler=folder, settings=settings
        )
        stop = asyncio.Event()
        cpu_before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
        running = asyncio.create_task(consumer.run(stop))
        begun = await _until_journal_holds(pool, 1)
        ended = await _until_journal_holds(pool, 2 * deals)
        cpu = resource.getrusage(resource.RUSAGE_SELF).ru_utime - cpu_before
        stop.set()
        await running
    return 2 * deals / (ended - begun), cpu / (2 * deals)


async def _until_journal_holds(pool: asyncpg.Pool, count: int) -> float:
    while True:
        held = await pool.fetchval(
            "SELECT count(*) FROM (SELECT FROM journal LIMIT $1) AS held", count
        )
        if held >= count:
            return time.monotonic()
        await asyncio.sleep(0.02)


async def _new_database(stack: Stack, name: str) -> str:
    connection = await asyncpg.connect(stack.database_url("postgres"))
    try:
        await connection.execute(f'CREATE DATABASE "{name}"')
    finally:
        await connection.close()
    url = stack.database_url(name)
    await migrate("metrics", url)
    return url


async def _publish(log: Log, topic: str, deals: int) -> None:
    await log.create_topic(TopicState(name=topic, partitions=4, retention_seconds=None))
    producer = await log.producer()
    draw = random.Random(1)
    records = []
    for _ in range(deals):
        state = _deal(draw)
        won = _won(state)
        for sequence, data in ((1, DealCreated(deal=state)), (2, DealWon(deal=won))):
            event = Event.of(
                data,
                source="/tandem/pipeline",
                sequence=sequence,
                occurred_at=won.closed_at if sequence == 2 and won.closed_at else state.created_at,
                recorded_at=_NOW,
            )
            records.append(to_record(event, topic=topic))
    for start in range(0, len(records), 5_000):
        await producer.publish(records[start : start + 5_000])
    await producer.close()


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
