"""Who tells copies and gaps: by the consumer's heads, or by a handler that knows its versions."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from events import Connection, Received, Unprocessable
from events.parked import Selection, list_parked
from events.types.partner import OrderPaid

DONE = "SELECT count(*) FROM applied"
POSITION = "SELECT sum(next_offset)::int FROM consumer_positions"
HEADS = "SELECT count(*) FROM consumer_heads"
PARKED = "SELECT count(*) FROM consumer_parked"
CURSED = 666


class Keeper:
    """A handler that keeps the newest version of each entity, and so knows copies itself."""

    def __init__(self) -> None:
        self.given: list[tuple[str, int]] = []
        self.mended = False

    async def __call__(self, connection: Connection, received: Sequence[Received]) -> None:
        for item in received:
            assert isinstance(item.event.data, OrderPaid)
            if item.event.data.amount.amount_minor == CURSED and not self.mended:
                raise Unprocessable(item, "the amount is cursed", "exorcise it")
        await connection.executemany(
            "INSERT INTO applied (subject, sequence) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            [(item.event.subject, item.event.sequence) for item in received],
        )
        self.given += [(item.event.subject, item.event.sequence) for item in received]


async def test_a_handler_that_tells_versions_gets_all_in_the_logs_order_and_no_heads_are_kept(
    world: Any, make_event: Any
) -> None:
    keeper = Keeper()
    sent = [1, 2, 2, 4, 3, 5]  # a copy, a gap, a late one
    await world.publish(*(make_event("a", n) for n in sent))
    async with world.running(keeper, versions="handler"):
        await world.until(POSITION, 6)

    assert keeper.given == [("a", n) for n in sent]
    assert await world.pool.fetchval(HEADS) == 0
    assert await world.pool.fetchval(PARKED) == 0


async def test_behind_a_rejected_event_its_key_waits_through_batches_and_restarts(
    world: Any, make_event: Any
) -> None:
    keeper = Keeper()
    await world.publish(make_event("a", 1), make_event("a", 2, amount=CURSED), make_event("b", 1))
    async with world.running(keeper, versions="handler"):
        await world.until(POSITION, 3)
        await world.publish(make_event("a", 3), make_event("b", 2))
        await world.until(POSITION, 5)
    await world.publish(make_event("a", 4), make_event("b", 3))
    async with world.running(keeper, versions="handler"):
        await world.until(POSITION, 7)
        assert await world.reasons() == {"unprocessable": [2], "held": [3, 4]}
        assert [n for subject, n in keeper.given if subject == "a"] == [1]

        keeper.mended = True
        (bad,) = await list_parked(world.pool, Selection(reason="unprocessable"))
        await world.release(bad.id, actor="sre")
        await world.until(PARKED, 0)
        await world.publish(make_event("a", 5))
        await world.until(POSITION, 8)

    assert [n for subject, n in keeper.given if subject == "a"] == [1, 2, 3, 4, 5]
    assert [n for subject, n in keeper.given if subject == "b"] == [1, 2, 3]


async def test_a_discarded_event_lets_its_key_go_on_and_one_that_is_still_broken_does_not(
    world: Any, make_event: Any
) -> None:
    keeper = Keeper()
    await world.publish(
        make_event("a", 1, amount=CURSED), make_event("a", 2, amount=CURSED), make_event("a", 3)
    )
    async with world.running(keeper, versions="handler"):
        await world.until(POSITION, 3)
        first, second, _ = await list_parked(world.pool)
        await world.release(first.id, actor="sre")
        await world.until(
            "SELECT attempts FROM consumer_parked WHERE reason = 'unprocessable' ORDER BY id", 2
        )
        assert await world.reasons() == {"unprocessable": [1], "held": [2, 3]}
        await world.discard(first.id, actor="sre", reason="nobody misses it")
        await world.until("SELECT min(sequence)::int FROM consumer_parked", 2)
        await world.until("SELECT reason FROM consumer_parked WHERE sequence = 2", "unprocessable")
        await world.discard(second.id, actor="sre", reason="nor this")
        await world.until(PARKED, 0)

    assert keeper.given == [("a", 3)]


async def test_what_another_process_left_waiting_behind_nothing_is_found(
    world: Any, make_event: Any
) -> None:
    """As when a topic grew, and the key's rejected event had another owner."""
    keeper = Keeper()
    await world.publish(make_event("a", 1, amount=CURSED), make_event("a", 2))
    async with world.running(keeper, versions="handler"):
        await world.until(POSITION, 2)
    await world.pool.execute("DELETE FROM consumer_parked WHERE reason = 'unprocessable'")
    async with world.running(keeper, versions="handler"):
        await world.until(PARKED, 0)

    assert keeper.given == [("a", 2)]


async def test_events_that_simply_follow_need_no_heads_to_be_read(
    world: Any, make_event: Any
) -> None:
    """Copies and gaps are still told when they come, from one batch to the next."""
    await world.publish(*(make_event("a", n) for n in (1, 2)), make_event("b", 1))
    async with world.running():
        await world.until(DONE, 3)
        await world.publish(make_event("a", 2), make_event("a", 3), make_event("b", 3))
        await world.until(DONE, 4)
        await world.until(POSITION, 6)
        assert await world.reasons() == {"gap": [3]}
        await world.publish(make_event("b", 2), make_event("c", 1))
        await world.until(DONE, 7)

    assert await world.applied() == {"a": [1, 2, 3], "b": [1, 2, 3], "c": [1]}
    assert dict(await world.pool.fetch("SELECT subject, sequence FROM consumer_heads")) == {
        "a": 3,
        "b": 3,
        "c": 1,
    }


async def test_the_next_batch_is_read_while_one_is_applied(world: Any, make_event: Any) -> None:
    """One commit at a time; whatever came meanwhile is the next batch, whole."""
    batches: list[int] = []
    first, go_on = asyncio.Event(), asyncio.Event()

    async def slow(connection: Connection, received: Sequence[Received]) -> None:
        batches.append(len(received))
        first.set()
        await go_on.wait()
        await connection.executemany(
            "INSERT INTO applied (subject, sequence) VALUES ($1, $2)",
            [(item.event.subject, item.event.sequence) for item in received],
        )

    await world.publish(make_event("a", 1))
    async with world.running(slow):
        await asyncio.wait_for(first.wait(), 30)
        for n in range(2, 12):
            await world.publish(make_event("a", n))
        assert batches == [1]
        await asyncio.sleep(0.3)  # time to read them, however many reads it takes
        go_on.set()
        await world.until(DONE, 11)

    assert batches == [1, 10]
