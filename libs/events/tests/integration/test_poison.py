"""Poison on both logs: it is parked with its reason, its aggregate waits, all else flows."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace

from events import Connection, Received, UnknownData, Unprocessable
from events.cloudevents import to_record
from events.log import NewRecord
from events.parked import (
    list_parked,
    show_parked,
)
from events.types.partner import OrderPaid

DONE = "SELECT count(*) FROM applied"
POSITION = "SELECT sum(next_offset)::int FROM consumer_positions"
PARKED = "SELECT count(*) FROM consumer_parked"
CURSED = 666


def broken(topic: str, event: Any, data: bytes = b'{"order_id": 7}') -> NewRecord:
    return to_record(replace(event, data=UnknownData(raw=data)), topic=topic)


def unreadable(topic: str) -> NewRecord:
    return NewRecord(topic, b"k", b"\xff\xfe", [("ce_id", b"\xff")])


@pytest.mark.parametrize("place", [0, 2, 4])
async def test_poison_anywhere_in_a_batch_holds_back_its_own_aggregate_only(
    world: Any, make_event: Any, place: int
) -> None:
    records = [make_event("good", n + 1) for n in range(4)]
    records.insert(place, make_event("bad", 1, amount=CURSED))
    await world.publish(*records, make_event("bad", 2), make_event("bad", 3))
    async with world.running():
        await world.until(POSITION, 7)

    assert await world.applied() == {"good": [1, 2, 3, 4]}
    assert await world.reasons() == {"unprocessable": [1], "held": [2, 3]}


async def test_each_kind_of_poison_is_parked_with_its_reason_and_bytes(
    world: Any, make_event: Any
) -> None:
    await world.publish(
        unreadable(world.topic),
        broken(world.topic, make_event("b", 1)),
        make_event("c", 1, amount=CURSED),
        make_event("d", 2),
    )
    async with world.running():
        await world.until(POSITION, 4)

    parked = {item.reason: item for item in await list_parked(world.pool)}
    assert set(parked) == {"undecodable", "schema", "unprocessable", "gap"}
    assert parked["unprocessable"].detail == "the amount is cursed"
    assert parked["unprocessable"].hint == "exorcise it"
    assert "order_id" in parked["schema"].detail
    shown = await show_parked(world.pool, parked["undecodable"].id)
    assert shown.value == b"\xff\xfe"
    assert list(shown.headers) == [("ce_id", b"\xff")]


async def test_what_is_rejected_is_promised_to_the_dead_letter_topic(
    world: Any, make_event: Any
) -> None:
    await world.publish(
        make_event("a", 1, amount=CURSED), make_event("a", 2), unreadable(world.topic)
    )
    async with world.running():
        await world.until(POSITION, 3)

    rows = await world.pool.fetch("SELECT aggregatetype, payload FROM outbox")
    assert [row["aggregatetype"] for row in rows] == [f"{world.topic}-dlq"] * 2
    assert any("the amount is cursed" in row["payload"] for row in rows)


async def test_a_value_that_the_database_refuses_is_found_and_parked(
    world: Any, make_event: Any
) -> None:
    await world.publish(
        make_event("a", 1),
        broken(
            world.topic,
            make_event("b", 1),
            b'{"order_id": "b", "amount": {"amount_minor": 1, "currency": "USD"},'
            b' "customer_id": "nul\\u0000"}',
        ),
        make_event("c", 1),
    )

    async def store(connection: Connection, received: Sequence[Received]) -> None:
        for item in received:
            assert isinstance(item.event.data, OrderPaid)
            await connection.execute(
                "INSERT INTO applied (subject, sequence) VALUES ($1, $2)",
                item.event.data.customer_id or item.event.subject,
                1,
            )

    async with world.running(store):
        await world.until(POSITION, 3)

    assert await world.applied() == {"a": [1], "c": [1]}
    assert await world.reasons() == {"unprocessable": [1]}


async def test_a_value_that_the_database_refuses_is_found_without_trying_all_others(
    world: Any, make_event: Any
) -> None:
    """A backlog's batch has 20,000 events: one by one they would take longer than a standstill."""
    tries = 0

    async def store(connection: Connection, received: Sequence[Received]) -> None:
        nonlocal tries
        tries += 1
        await connection.execute(
            "INSERT INTO applied (subject, sequence, amount)"
            " SELECT subject, 1, 100 / amount"
            " FROM unnest($1::text[], $2::int[]) AS w(subject, amount)",
            [item.event.subject for item in received],
            [item.event.data.amount.amount_minor for item in received],  # type: ignore[attr-defined]
        )

    await world.publish(*(make_event(f"s{n}", 1, amount=n - 700) for n in range(1_000)))
    async with world.running(store):
        await world.until(POSITION, 1_000)

    assert await world.pool.fetch("SELECT subject FROM consumer_parked") == [("s700",)]
    assert await world.pool.fetchval(DONE) == 999
    assert tries < 100


async def test_a_batch_with_many_bad_events_is_no_standstill(world: Any, make_event: Any) -> None:
    """Each undoes it once more, so altogether they take longer than a stuck consumer may."""

    async def slow(connection: Connection, received: Sequence[Received]) -> None:
        await asyncio.sleep(0.5)
        for item in received:
            if item.event.data.amount.amount_minor == CURSED:  # type: ignore[attr-defined]
                raise Unprocessable(item, "the amount is cursed")

    await world.publish(*(make_event(f"s{n}", 1, amount=CURSED) for n in range(10)))
    async with world.running(slow, stuck_seconds=2.5):
        await world.until(PARKED, 10)


async def test_each_refusal_of_a_record_is_a_dead_letter_of_its_own(
    world: Any, make_event: Any
) -> None:
    """Nothing relays them here, as while the log is down; the outbox takes no sequence twice."""
    await world.publish(make_event("a", 1), make_event("a", 3, amount=CURSED))
    async with world.running():
        await world.until(PARKED, 1)
        await world.publish(make_event("a", 2))
        await world.until("SELECT reason FROM consumer_parked", "unprocessable")
        (bad,) = await list_parked(world.pool)
        await world.release(bad.id, actor="sre")
        await world.until("SELECT count(*) FROM outbox", 2)
        await world.until("SELECT requested FROM consumer_parked", None)


async def test_unknown_types_are_passed_over_and_counted_as_seen(
    world: Any, make_event: Any
) -> None:
    unknown = replace(
        make_event("a", 2),
        type="com.tandem.partner.order.vanished.v9",
        data=UnknownData(raw=b'{"x": 1}'),
    )
    await world.publish(
        make_event("a", 1),
        to_record(unknown, topic=world.topic),
        make_event("a", 3),
    )
    async with world.running():
        await world.until(POSITION, 3)

    assert await world.applied() == {"a": [1, 3]}
    assert await world.reasons() == {}


async def test_too_much_poison_stops_the_partition_and_parks_nothing_of_the_batch(
    world: Any, make_event: Any
) -> None:
    await world.publish(*(make_event("same", n, amount=1) for n in (1, 2)))
    async with world.running(parked_consecutive_limit=3):
        await world.until(DONE, 2)
        # One key, so one partition; each a sequence of its own source: all are rejected.
        await world.publish(
            *(make_event("same", 1, amount=CURSED, source=f"/x/{n}") for n in range(5))
        )
        await world.until("SELECT count(*) FROM consumer_positions WHERE stopped IS NOT NULL", 1)
        await world.publish(*(make_event(f"s{n}", 1) for n in range(8)))
        await asyncio.sleep(0.5)
        assert await world.pool.fetchval(PARKED) == 0
        assert 2 < await world.pool.fetchval(DONE) < 10, "only the other partition goes on"

    async with world.running(parked_consecutive_limit=9):  # a restart tries again
        await world.until(PARKED, 5)
        await world.until(DONE, 10)
