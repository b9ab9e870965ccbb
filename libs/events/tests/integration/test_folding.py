"""Folding while reading: quick as long as nothing stands out, and as exact when something does."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from events import (
    Connection,
    EventLike,
    Folding,
    Received,
    Unobserved,
    Unprocessable,
)
from events.cloudevents import to_record
from events.errors import Fenced
from events.log.port import NewRecord
from events.parked import Selection, list_parked
from events.types.partner import OrderPaid

POSITION = "SELECT sum(next_offset)::int FROM consumer_positions"
PARKED = "SELECT count(*) FROM consumer_parked"
TOTAL = "SELECT coalesce(sum(amount), 0)::int FROM applied"
CURSED = 666
TOO_LARGE = 2**40
"""For the column that it is added to."""


class Kept:
    """A fold that keeps which events it was given, and writes their number to each subject."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._given: list[tuple[str, int]] = []
        self._amounts: dict[str, int] = {}

    def add(self, events: Sequence[EventLike]) -> None:
        for event in events:
            assert isinstance(event.data, OrderPaid)
            amount = event.data.amount.amount_minor
            if amount == CURSED and not self._keeper.mended:
                raise Unprocessable(event, "the amount is cursed", "exorcise it")
            self._given.append((event.subject, event.sequence))
            self._amounts[event.subject] = self._amounts.get(event.subject, 0) + amount

    async def save(self, connection: Connection) -> None:
        self._keeper.saving.set()
        await self._keeper.may_save.wait()
        await connection.executemany(
            "INSERT INTO applied AS a (subject, sequence, amount) VALUES ($1, 0, $2::bigint::int)"
            " ON CONFLICT (subject, sequence) DO UPDATE SET amount = a.amount + excluded.amount",
            self._amounts.items(),
        )
        self._keeper.given += self._given


class Keeper(Folding):
    """Knows what its folds have saved, and how often it was called as an ordinary handler."""

    def __init__(self) -> None:
        super().__init__(lambda: Kept(self))
        self.given: list[tuple[str, int]] = []
        self.mended = False
        self.times_called = 0
        self.saving, self.may_save = asyncio.Event(), asyncio.Event()
        self.may_save.set()

    async def __call__(self, connection: Connection, received: Sequence[Received]) -> None:
        self.times_called += 1
        await super().__call__(connection, received)

    def of(self, subject: str) -> list[int]:
        return [sequence for given, sequence in self.given if given == subject]


def broken(event: Any, topic: str) -> NewRecord:
    """The event with data that do not match its type."""
    record = to_record(event, topic=topic)
    assert record.value is not None
    value = record.value.replace(b'"amount_minor":1', b'"amount_minor":"much"')
    return NewRecord(topic, record.key, value, record.headers)


async def test_all_is_folded_in_the_logs_order_copies_and_late_ones_too(
    world: Any, make_event: Any
) -> None:
    keeper = Keeper()
    sent = [1, 2, 2, 4, 3, 5]
    await world.publish(*(make_event("a", n) for n in sent), make_event("b", 1))
    async with world.running(keeper, versions="handler"):
        await world.until(POSITION, 7)

    assert keeper.of("a") == sent
    assert keeper.times_called == 0
    assert await world.pool.fetchval(TOTAL) == 7


async def test_whatever_can_be_read_is_folded_and_what_nobody_reads_passed_over(
    world: Any, make_event: Any
) -> None:
    """With extensions, and of a type that nobody knows."""
    keeper = Keeper()
    odd = to_record(make_event("a", 2), topic=world.topic)
    assert odd.value is not None
    extended = odd.value.replace(b'{"type"', b'{"note":"x","type"', 1)
    unknown = odd.value.replace(b"order.paid", b"order.eaten", 1)
    await world.publish(
        make_event("a", 1),
        NewRecord(world.topic, odd.key, extended, odd.headers),
        NewRecord(world.topic, odd.key, unknown, odd.headers),
    )
    told: list[tuple[int, int, int]] = []

    class Telling(Unobserved):
        def batch_applied(self, consumer: str, **of: Any) -> None:
            told.append((of["records"], of["applied"], of["unknown"]))

    consumer = world.consumer(keeper, versions="handler")
    consumer._observer = Telling()
    stop = asyncio.Event()
    running = asyncio.create_task(consumer.run(stop))
    await world.until(POSITION, 3)
    stop.set()
    await running

    assert keeper.of("a") == [1, 2]
    assert keeper.times_called == 0
    assert [sum(column) for column in zip(*told, strict=True)] == [3, 2, 1]


async def test_a_restart_goes_on_where_the_last_transaction_ended(
    world: Any, make_event: Any
) -> None:
    for n in range(1, 4):
        keeper = Keeper()
        await world.publish(make_event("a", n), make_event("b", n))
        async with world.running(keeper, versions="handler"):
            await world.until(TOTAL, 2 * n)
        assert sorted(keeper.given) == [("a", n), ("b", n)]


async def test_behind_poison_its_key_waits_and_all_else_is_folded_on(
    world: Any, make_event: Any
) -> None:
    """Poison of each kind: bytes that are no event, data that do not fit, a refusal."""
    keeper = Keeper()
    await world.publish(
        make_event("a", 1),
        NewRecord(world.topic, b"z", b"no event", []),
        broken(make_event("a", 2), world.topic),
        make_event("b", 1),
        make_event("c", 1, amount=CURSED),
    )
    async with world.running(keeper, versions="handler"):
        await world.until(POSITION, 5)
        await world.publish(make_event("a", 3), make_event("b", 2), make_event("c", 2))
        await world.until(POSITION, 8)
        called = keeper.times_called
        await world.publish(make_event("b", 3))
        await world.until(POSITION, 9)
        assert keeper.times_called == called
    async with world.running(keeper, versions="handler"):
        await world.publish(make_event("a", 4), make_event("b", 4))
        await world.until(POSITION, 11)

        assert (keeper.of("a"), keeper.of("b"), keeper.of("c")) == ([1], [1, 2, 3, 4], [])
        assert await world.reasons() == {
            "undecodable": [None],
            "schema": [2],
            "held": [2, 3, 4],
            "unprocessable": [1],
        }

        keeper.mended = True
        (cursed,) = await list_parked(world.pool, Selection(reason="unprocessable"))
        await world.release(cursed.id, actor="sre")
        await world.until(f"{PARKED} WHERE subject = 'c'", 0)
        await world.publish(make_event("c", 3))
        await world.until(POSITION, 12)

    assert keeper.of("c") == [1, 2, 3]


async def test_a_value_that_the_database_refuses_is_found_and_the_rest_counts_once(
    world: Any, make_event: Any
) -> None:
    keeper = Keeper()
    await world.publish(
        make_event("a", 1), make_event("b", 1, amount=TOO_LARGE), make_event("c", 1)
    )
    async with world.running(keeper, versions="handler"):
        await world.until(POSITION, 3)
        await world.publish(make_event("a", 2), make_event("b", 2))
        await world.until(POSITION, 5)

    assert await world.reasons() == {"unprocessable": [1], "held": [2]}
    found = await world.pool.fetch("SELECT subject, amount FROM applied")
    assert dict(found) == {"a": 2, "c": 1}


async def test_what_was_folded_before_its_key_came_to_wait_is_void(
    world: Any, make_event: Any
) -> None:
    """The next batch is folded while one is applied that parks an event of the same key."""
    keeper = Keeper()
    await world.publish(broken(make_event("a", 1), world.topic), make_event("b", 1))
    keeper.may_save.clear()
    async with world.running(keeper, versions="handler"):
        await asyncio.wait_for(keeper.saving.wait(), 30)
        await world.publish(make_event("a", 2), make_event("b", 2))
        await asyncio.sleep(0.3)  # time to read and fold them; without it the test proves less
        keeper.may_save.set()
        await world.until(POSITION, 4)

    assert await world.reasons() == {"schema": [1], "held": [2]}
    assert (keeper.of("a"), keeper.of("b")) == ([], [1, 2])
    assert await world.pool.fetchval(TOTAL) == 2


async def test_a_zombies_fold_commits_nothing(world: Any, make_event: Any) -> None:
    keeper = Keeper()
    reported: list[Exception] = []

    class Reporting(Unobserved):
        def retrying(self, consumer: str, *, error: Exception, seconds: float) -> None:
            reported.append(error)

    await world.publish(make_event("a", 1))
    async with world.running(keeper, versions="handler", pulse_seconds=60) as consumer:
        await world.until(TOTAL, 1)
        consumer._observer = Reporting()
        await world.pool.execute("UPDATE consumer_positions SET epoch = epoch + 5, owner = 'other'")
        await world.publish(make_event("a", 2), make_event("b", 1))
        await world.until(TOTAL, 3)

    assert any(isinstance(error, Fenced) for error in reported)
    assert (keeper.of("a"), keeper.of("b")) == ([1, 2], [1])
    assert keeper.times_called == 0


async def test_an_error_of_a_fold_is_retried_and_skips_nothing(world: Any, make_event: Any) -> None:
    class Failing(Kept):
        failures = 3

        def add(self, events: Sequence[EventLike]) -> None:
            super().add(events)
            if Failing.failures:
                Failing.failures -= 1
                raise ZeroDivisionError

    keeper = Keeper()
    keeper.make = lambda: Failing(keeper)  # type: ignore[misc]
    await world.publish(make_event("a", 1), make_event("a", 2), make_event("b", 1))
    async with world.running(keeper, versions="handler"):
        await world.until(POSITION, 3)
        await world.publish(make_event("a", 3))
        await world.until(POSITION, 4)

    assert (keeper.of("a"), keeper.of("b")) == ([1, 2, 3], [1])
    assert await world.pool.fetchval(PARKED) == 0


@pytest.mark.parametrize("sent", [[1, 2, 2, 1, 3], [1, 3, 2]], ids=["copies", "a gap"])
async def test_with_versions_of_the_consumer_a_fold_is_an_ordinary_handler(
    world: Any, make_event: Any, sent: list[int]
) -> None:
    keeper = Keeper()
    await world.publish(*(make_event("a", n) for n in sent))
    async with world.running(keeper):
        await world.until(TOTAL, 3)
        await world.until(POSITION, len(sent))

    assert keeper.of("a") == [1, 2, 3]
    assert keeper.times_called > 0
