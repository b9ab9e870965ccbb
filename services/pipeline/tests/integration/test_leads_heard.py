"""What this service does when it hears of customers and leads, through the real log."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest

from chassis.clock import SystemClock
from events import Consumer, Event, Received, Unprocessable, open_log, topics
from events.cloudevents import to_record
from events.types import Dimensions, EventData
from events.types.customer import (
    CustomerProfileChanged,
    CustomerRegistered,
    CustomerState,
    DealRequest,
    LeadCaptured,
    LeadConverted,
    LeadState,
)
from pipeline.handlers import TOPICS, CustomerHandler

if TYPE_CHECKING:
    from events import Connection

TOPICS_FILE = Path(__file__).parents[4] / "deploy" / "kafka" / "topics.yaml"
CAPTURED = datetime(2026, 2, 1, 8, tzinfo=UTC)
CONVERTED = CAPTURED + timedelta(days=3)


def handler() -> CustomerHandler:
    return CustomerHandler(clock=SystemClock(), source="/tandem/pipeline", base_currency="USD")


def lead(status: str, **more: object) -> LeadState:
    state = {
        "lead_id": "l1",
        "status": status,
        "captured_at": CAPTURED,
        "owner_id": "ann",
        "dimensions": Dimensions(channel="fair", region="R1", team="t-unknown", product="kit"),
    }
    return LeadState(**(state | more))  # type: ignore[arg-type]


def converted(request: DealRequest | None) -> LeadConverted:
    return LeadConverted(lead=lead("converted", customer_id="c1"), deal=request)


STORY: Sequence[EventData] = (
    CustomerRegistered(customer=CustomerState(customer_id="c1", segment="small", channel="web")),
    CustomerProfileChanged(customer=CustomerState(customer_id="c1", segment="large")),
    LeadCaptured(lead=lead("new")),
    converted(DealRequest(amount_minor=900)),
)


def told(story: Sequence[EventData]) -> list[Event]:
    """The story as events, numbered by subject."""
    counts: dict[str, int] = {}
    events = []
    for data in story:
        counts[data.subject] = counts.get(data.subject, 0) + 1
        events.append(
            Event.of(
                data,
                source="/tandem/customer",
                sequence=counts[data.subject],
                occurred_at=CONVERTED if isinstance(data, LeadConverted) else CAPTURED,
                recorded_at=CONVERTED,
            )
        )
    return events


def received(story: Sequence[EventData]) -> list[Received]:
    return [
        Received(event=event, topic="customer", partition=0, offset=offset)
        for offset, event in enumerate(told(story))
    ]


async def applied(connection: Connection, story: Sequence[EventData]) -> None:
    async with connection.transaction():
        await handler()(connection, received(story))


@pytest.fixture
def url(new_database: Callable[[str], str]) -> str:
    return new_database("pipeline")


async def test_a_conversion_opens_a_deal_with_what_the_lead_knew(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await applied(connection, STORY)
        (row,) = await connection.fetch("SELECT payload, occurred_at, type FROM outbox")
    finally:
        await connection.close()
    deal = json.loads(row["payload"])["deal"]
    assert row["type"].endswith("deal.created.v1")
    assert row["occurred_at"] == CONVERTED
    assert (deal["pipeline"], deal["stage"], deal["customer_id"]) == ("standard", "qualified", "c1")
    assert deal["amount"] == {"amount_minor": 900, "currency": "USD"}
    assert deal["owners"] == [{"owner_id": "ann", "weight_bp": 10_000}]
    assert deal["lead"]["lead_id"] == "l1"
    assert deal["lead"]["captured_at"] == "2026-02-01T08:00:00Z"
    # The customer's newest profile first, the lead's where that says nothing.
    assert deal["dimensions"] == {
        "team": "t-unknown",
        "channel": "fair",
        "segment": "large",
        "region": "R1",
        "product": "kit",
    }


async def test_hearing_it_twice_opens_one_deal(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for _ in range(2):
            await applied(connection, STORY)
        counts = await connection.fetchrow(
            "SELECT (SELECT count(*) FROM deals), (SELECT count(*) FROM outbox),"
            " (SELECT dimensions ->> 'segment' FROM customers)"
        )
    finally:
        await connection.close()
    assert counts is not None
    assert tuple(counts) == (1, 1, "large")


async def test_a_conversion_without_a_request_opens_nothing(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await applied(connection, [LeadCaptured(lead=lead("new")), converted(None)])
        assert await connection.fetchval("SELECT count(*) FROM deals") == 0
    finally:
        await connection.close()


async def test_a_request_for_an_unknown_pipeline_is_unprocessable(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        with pytest.raises(Unprocessable, match="nowhere"):
            await applied(connection, [converted(DealRequest(pipeline="nowhere"))])
    finally:
        await connection.close()


async def test_over_the_real_log_the_story_is_applied_once_and_the_broken_part_parked(
    url: str, event_log: str
) -> None:
    await topics.apply(event_log, TOPICS_FILE)
    broken = LeadConverted(
        lead=lead("converted", lead_id="l2"), deal=DealRequest(pipeline="nowhere")
    )
    events = told([*STORY, broken])
    async with asyncpg.create_pool(url, min_size=1, max_size=4) as pool, open_log(event_log) as log:
        producer = await log.producer()
        records = [to_record(event) for event in events]
        await producer.publish([*records, *records])  # a copy of everything, too
        await producer.close()
        stop = asyncio.Event()
        consumer = Consumer(log, pool, name="pipeline", topics=TOPICS, handler=handler())
        running = asyncio.create_task(consumer.run(stop))
        try:
            async with asyncio.timeout(60):
                while not await pool.fetchval("SELECT count(*) FROM consumer_parked") or not (
                    await pool.fetchval("SELECT count(*) FROM deals")
                ):
                    assert not running.done(), running.result()
                    await asyncio.sleep(0.1)
        finally:
            stop.set()
            await running
        assert await pool.fetchval("SELECT count(*) FROM deals") == 1
        assert await pool.fetchval("SELECT reason FROM consumer_parked") == "unprocessable"
