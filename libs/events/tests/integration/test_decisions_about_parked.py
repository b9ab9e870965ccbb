"""What people decide about parked records, on both logs: released, discarded, in order."""

from collections.abc import Sequence
from typing import Any

import pytest

from events import Connection, Received, Unprocessable
from events.cloudevents import to_record
from events.log import NewRecord
from events.parked import (
    EarlierStillParked,
    ParkedNotFound,
    Selection,
    list_parked,
)

DONE = "SELECT count(*) FROM applied"
POSITION = "SELECT sum(next_offset)::int FROM consumer_positions"
PARKED = "SELECT count(*) FROM consumer_parked"
CURSED = 666


def unreadable(topic: str) -> NewRecord:
    return NewRecord(topic, b"k", b"\xff\xfe", [("ce_id", b"\xff")])


async def test_release_applies_once_the_cause_is_mended(world: Any, make_event: Any) -> None:
    await world.publish(*(make_event("a", n, amount=CURSED if n == 1 else 1) for n in (1, 2, 3)))
    async with world.running():
        await world.until(POSITION, 3)
        (bad,) = await list_parked(world.pool, Selection(reason="unprocessable"))
        await world.release(bad.id, actor="sre", reason="try again")
        await world.until("SELECT attempts FROM consumer_parked WHERE reason = 'unprocessable'", 2)
        assert await world.applied() == {}

    async def mended(connection: Connection, received: Sequence[Received]) -> None:
        for item in received:
            await connection.execute(
                "INSERT INTO applied (subject, sequence) VALUES ($1, $2)",
                item.event.subject,
                item.event.sequence,
            )

    async with world.running(mended):
        await world.release(bad.id, actor="sre", reason="mended")
        await world.until(DONE, 3)

    assert await world.applied() == {"a": [1, 2, 3]}
    assert await world.reasons() == {}
    assert await world.pool.fetchval("SELECT count(*) FROM consumer_parked_audit") == 2


async def test_discard_lets_the_rest_drain_and_counts_as_seen(world: Any, make_event: Any) -> None:
    await world.publish(*(make_event("a", n, amount=CURSED if n == 2 else 1) for n in (1, 2, 3, 4)))
    async with world.running():
        await world.until(POSITION, 4)
        (bad,) = await list_parked(world.pool, Selection(reason="unprocessable"))
        await world.discard(bad.id, actor="sre", reason="a test entry")
        await world.until(DONE, 3)
        await world.publish(make_event("a", 2), make_event("a", 5))
        await world.until(DONE, 4)

    assert await world.applied() == {"a": [1, 3, 4, 5]}
    audit = await world.pool.fetchrow("SELECT action, actor, reason FROM consumer_parked_audit")
    assert tuple(audit) == ("discard", "sre", "a test entry")


async def test_releasing_a_gap_gives_up_on_what_is_missing(world: Any, make_event: Any) -> None:
    await world.publish(make_event("a", 1), make_event("a", 4), make_event("a", 5))
    async with world.running():
        await world.until(POSITION, 3)
        first, second = await list_parked(world.pool, Selection(subject="a"))
        with pytest.raises(EarlierStillParked):
            await world.release(second.id, actor="sre")
        await world.release(first.id, actor="sre")
        await world.until(DONE, 3)
        await world.publish(make_event("a", 3))
        await world.until(POSITION, 4)

    assert await world.applied() == {"a": [1, 4, 5]}


async def test_an_unreadable_record_can_be_released_or_discarded(
    world: Any, make_event: Any
) -> None:
    await world.publish(unreadable(world.topic), make_event("a", 1))
    async with world.running():
        await world.until(DONE, 1)
        (bad,) = await list_parked(world.pool)
        await world.release(bad.id, actor="sre")
        await world.until("SELECT attempts FROM consumer_parked", 2)
        # As if a new version could read it: the bytes become an event.
        record = to_record(make_event("a", 2), topic=world.topic)
        await world.pool.execute(
            "UPDATE consumer_parked SET record_value = $1, record_headers = $2",
            record.value,
            _packed(record),
        )
        await world.release(bad.id, actor="sre")
        await world.until(DONE, 2)
        await world.publish(unreadable(world.topic))
        await world.until(PARKED, 1)
        (bad,) = await list_parked(world.pool)
        await world.discard(bad.id, actor="sre", reason="noise")
        await world.until(PARKED, 0)

    assert await world.applied() == {"a": [1, 2]}


def _packed(record: NewRecord) -> bytes:
    import msgspec  # noqa: PLC0415 - the only use

    return msgspec.msgpack.encode(record.headers)


async def test_parked_records_are_paged_and_requests_for_none_are_refused(
    world: Any, make_event: Any
) -> None:
    await world.publish(*(make_event(f"g{n}", 2) for n in range(5)))
    async with world.running():
        await world.until(PARKED, 5)

    first = await list_parked(world.pool, limit=3)
    rest = await list_parked(world.pool, limit=3, after=first[-1].id)
    assert len({item.id for item in (*first, *rest)}) == 5
    with pytest.raises(ParkedNotFound):
        await world.release(999_999, actor="sre")
    with pytest.raises(ValueError, match="reason"):
        await world.discard(first[0].id, actor="sre", reason=" ")


async def store(connection: Connection, received: Sequence[Received]) -> None:
    await connection.executemany(
        "INSERT INTO applied (subject, sequence) VALUES ($1, $2)",
        [(item.event.subject, item.event.sequence) for item in received],
    )


async def test_the_last_decision_holds_though_it_comes_while_the_first_is_carried_out(
    world: Any, make_event: Any
) -> None:
    await world.publish(make_event("a", 1, amount=CURSED), make_event("a", 2))
    async with world.running():
        await world.until(POSITION, 2)
    (bad,) = await list_parked(world.pool, Selection(reason="unprocessable"))
    await world.release(bad.id, actor="sre")
    tries: list[list[int]] = []

    async def interrupted(connection: Connection, received: Sequence[Received]) -> None:
        tries.append([item.event.sequence for item in received])
        if len(tries) == 1:
            await world.discard(bad.id, actor="sre", reason="better not")
        await store(connection, received)

    async with world.running(interrupted):
        await world.until(PARKED, 0)

    assert tries == [[1, 2], [2]]
    assert await world.applied() == {"a": [2]}


async def test_what_is_asked_while_a_record_is_parked_again_stays_asked(
    world: Any, make_event: Any
) -> None:
    await world.publish(make_event("a", 2), make_event("b", 1))
    async with world.running(store):
        await world.until(DONE, 1)
    (waiting,) = await list_parked(world.pool)

    async def interrupted(connection: Connection, received: Sequence[Received]) -> None:
        cursed = [item for item in received if item.event.subject == "a"]
        if cursed:
            await world.release(waiting.id, actor="sre")
            raise Unprocessable(cursed[0], "the amount is cursed")

    await world.publish(make_event("a", 1))
    async with world.running(interrupted):
        await world.until(POSITION, 3)

    assert await world.reasons() == {"held": [2], "unprocessable": [1]}
    asked = "SELECT requested FROM consumer_parked WHERE sequence = 2"
    assert await world.pool.fetchval(asked) == "release"
