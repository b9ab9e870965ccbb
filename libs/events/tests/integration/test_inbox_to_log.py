"""From the inbox to the log: a row of the outbox stands for a batch, which the relay unfolds."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from events import Relay, schema_sql
from events.cloudevents import from_record
from events.event import Event
from events.inbox import receive
from events.outbox import measure
from events.partners import Incoming
from events.relay.shards import SESSION
from events.relay.stretches import UNFOLD, StretchIncomplete
from events.types.partner import OrderPaid

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
WAITING = "SELECT count(*) FROM outbox"


@pytest.fixture
async def pool(pool: Any) -> Any:
    for ddl in (schema_sql.INBOX_SQL, schema_sql.INBOX_FEED_SQL, schema_sql.INBOX_LEAN_SQL):
        await pool.execute(ddl)
    return pool


def incoming(source: str, n: int, subject: str, **more: Any) -> Incoming:
    data = b'{"order_id":"%s","amount":{"amount_minor":%d,"currency":"USD"}}'
    return Incoming(
        id=f"{source}-{n}",
        source=source,
        type="com.tandem.partner.order.paid.v1",
        subject=subject,
        time=NOON - timedelta(seconds=n),
        payload=data % (subject.encode(), n),
        **more,
    )


async def take(world: Any, events: Sequence[Incoming]) -> None:
    async with world.pool.acquire() as connection:
        await receive(connection, events, received_at=NOON)
    await world.pool.execute("UPDATE outbox SET aggregatetype = $1", world.topic)


async def relayed(world: Any, database: str) -> list[Event]:
    """All events on the log, in the order of their partitions, once the outbox is empty."""
    stop = asyncio.Event()
    relay = asyncio.create_task(Relay(world.log, {"test": database}).run(stop))
    try:
        await world.until(WAITING, 0)
    finally:
        stop.set()
        await asyncio.wait_for(relay, 30)
    reader, found = await world.log.reader(), list[Event]()
    partitions = await world.log.partitions([world.topic])
    ends = await world.log.ends(partitions)
    reader.assign(dict.fromkeys(partitions, 0))
    while len(found) < sum(ends.values()):
        for records in (await reader.poll(max_records=500, timeout_seconds=1)).values():
            found += [from_record(record) for record in records]
    await reader.close()
    return found


async def test_batches_of_several_partners_arrive_whole_and_in_order(
    world: Any, database: str
) -> None:
    """More than a page of the relay, and batches that mix sources."""
    events = [
        incoming(f"/p/{n % 3}", n, f"s{n % 17}", traceparent=f"00-{n}" if n % 5 == 0 else None)
        for n in range(6_000)
    ]
    events[7] = incoming("/p/x", 7, "s7", extensions={"campaign": "\u6625"})
    for begin in range(0, len(events), 1_000):
        await take(world, events[begin : begin + 1_000])

    found = await relayed(world, database)

    assert {event.id for event in found} == {event.id for event in events}
    assert len(found) == len(events)
    sent = {event.id: event for event in events}
    for event in found:
        original = sent[event.id]
        assert (event.type, event.source, event.subject, event.time, event.traceparent) == (
            *(original.type, original.source, original.subject, original.time),
            original.traceparent,
        )
        assert (event.recordedtime, event.extensions) == (NOON, original.extensions)
        assert isinstance(event.data, OrderPaid)
        assert event.data.amount.amount_minor == int(event.id.rpartition("-")[2])
    for key in {(event.source, event.subject) for event in events}:
        about = [event for event in found if (event.source, event.subject) == key]
        assert [event.sequence for event in about] == list(range(1, len(about) + 1))
        assert [e.id for e in about] == [e.id for e in events if (e.source, e.subject) == key]


async def test_what_waits_is_counted_by_events_and_not_by_rows(world: Any) -> None:
    await take(world, [incoming("/p", n, f"s{n}") for n in range(70)])
    await take(world, [incoming("/p", 70, "s70")])

    assert await world.pool.fetchval(WAITING) == 2
    assert (await measure(world.pool)).waiting == 71


async def test_a_promise_whose_events_are_gone_ends_the_relay_and_is_kept(
    world: Any, database: str
) -> None:
    await take(world, [incoming("/p", n, f"s{n}") for n in range(5)])
    await world.pool.execute("DELETE FROM inbox WHERE position = 3")

    with pytest.raises(StretchIncomplete, match="4 of 5 events of /p from position 1"):
        await asyncio.wait_for(Relay(world.log, {"test": database}).run(asyncio.Event()), 30)
    assert await world.pool.fetchval(WAITING) == 1


async def test_a_stretch_is_found_by_the_index_however_large_the_inbox(
    world: Any, database: str
) -> None:
    """As a join all that partners ever sent would be read for each page."""
    for begin in range(0, 6_000, 1_000):
        await take(world, [incoming("/p", n, f"s{n}") for n in range(begin, begin + 1_000)])
    await world.pool.execute("ANALYZE inbox")
    connection = await asyncpg.connect(database, server_settings=SESSION)

    stretches = [[1], [world.topic], ["/p"], [NOON], [1], [1_000]]
    plan = str(await connection.fetch(f"EXPLAIN {UNFOLD}", *stretches))

    await connection.close()
    assert "Index Scan using inbox_feed" in plan
    assert "position >= w.first" in plan.replace("\\", "").replace('"', "")
    assert not any(node in plan for node in ("Hash", "Seq Scan", "Gather"))
