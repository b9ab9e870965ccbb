"""The consumer on both logs and a real database: each event once, in order, whatever comes."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from events import Connection, Received, Unobserved
from events.errors import Fenced

DONE = "SELECT count(*) FROM applied"
POSITION = "SELECT sum(next_offset)::int FROM consumer_positions"
PARKED = "SELECT count(*) FROM consumer_parked"


async def test_every_event_is_applied_once_and_in_order(world: Any, make_event: Any) -> None:
    await world.publish(*(make_event(f"s{n % 7}", n // 7 + 1) for n in range(70)))
    async with world.running(max_records=9):
        await world.until(DONE, 70)

    assert await world.applied() == {f"s{n}": list(range(1, 11)) for n in range(7)}
    assert await world.pool.fetchval(POSITION) == 70


async def test_copies_and_late_copies_change_nothing(world: Any, make_event: Any) -> None:
    first, second = make_event("a", 1), make_event("a", 2)
    await world.publish(first, second, first, second, first)
    async with world.running():
        await world.until(POSITION, 5)
        await world.publish(second, first)
        await world.until(POSITION, 7)

    assert await world.applied() == {"a": [1, 2]}
    assert await world.reasons() == {}


@pytest.mark.parametrize("sequences", [(2, 3), (5, 6)], ids=["late copies", "after a gap"])
async def test_a_batch_that_only_looks_like_the_next_is_not_applied(
    world: Any, make_event: Any, sequences: tuple[int, ...]
) -> None:
    """Each event follows the one before it; only the head tells that they are not what comes."""
    await world.publish(*(make_event("a", n) for n in (1, 2, 3)))
    async with world.running():
        await world.until(DONE, 3)
        await world.publish(*(make_event("a", n) for n in sequences))
        await world.until(POSITION, 5)

    assert await world.applied() == {"a": [1, 2, 3]}


async def test_a_restart_goes_on_where_the_last_transaction_ended(
    world: Any, make_event: Any
) -> None:
    for start in (1, 4, 7):
        await world.publish(*(make_event("a", n) for n in range(start, start + 3)))
        async with world.running():
            await world.until(DONE, start + 2)

    assert await world.applied() == {"a": list(range(1, 10))}


async def test_a_gap_waits_for_the_missing_event_and_then_drains_in_order(
    world: Any, make_event: Any
) -> None:
    await world.publish(*(make_event("a", n) for n in (1, 5, 3, 4)), make_event("b", 1))
    async with world.running():
        await world.until(POSITION, 5)
        assert await world.applied() == {"a": [1], "b": [1]}
        assert await world.reasons() == {"gap": [3, 4, 5]}

        await world.publish(make_event("a", 2))
        await world.until(DONE, 6)

    assert await world.applied() == {"a": [1, 2, 3, 4, 5], "b": [1]}
    assert await world.reasons() == {}
    assert await world.pool.fetchval("SELECT sum(parked) FROM consumer_heads") == 0


async def test_two_consumers_share_the_partitions_and_one_takes_over(
    world: Any, make_event: Any
) -> None:
    owners = "SELECT count(DISTINCT owner) FROM consumer_positions"
    await world.publish(*(make_event(f"s{n}", 1) for n in range(20)))
    async with world.running():
        async with world.running():
            await world.until(owners, 2)
            await world.publish(*(make_event(f"s{n}", 2) for n in range(20)))
            await world.until(DONE, 40)
        await world.until(owners, 1)
        await world.publish(*(make_event(f"s{n}", 3) for n in range(20)))
        await world.until(DONE, 60)

    assert await world.applied() == {f"s{n}": [1, 2, 3] for n in range(20)}


async def test_a_quiet_partition_that_was_taken_over_by_mistake_comes_back(
    world: Any, make_event: Any
) -> None:
    """Nothing is published meanwhile, so no batch tells it that the partition is lost."""
    await world.publish(make_event("a", 1))
    async with world.running():
        await world.until(DONE, 1)
        await world.pool.execute("UPDATE consumer_positions SET epoch = epoch + 5, owner = 'other'")
        lost_at = await world.pool.fetchval("SELECT now()")
        await world.until("SELECT count(*) FROM consumer_positions WHERE owner = 'other'", 0)
        fresh = f"SELECT count(*) FROM consumer_positions WHERE watermark > '{lost_at}'"
        await world.until(fresh, 2)


async def test_a_zombie_commits_nothing(world: Any, make_event: Any) -> None:
    """While it reads, another process claims its partitions: its batch must be void."""
    await world.publish(make_event("a", 1))
    async with world.running(pulse_seconds=60) as consumer:  # it does not look, the batch must tell
        await world.until(DONE, 1)
        reported = record_retries(consumer)
        await world.pool.execute("UPDATE consumer_positions SET epoch = epoch + 5, owner = 'other'")
        await world.publish(make_event("a", 2), make_event("b", 1))
        await world.until(DONE, 3)

    assert any(isinstance(error, Fenced) for error in reported)
    assert await world.applied() == {"a": [1, 2], "b": [1]}
    assert await world.pool.fetchval("SELECT min(epoch) FROM consumer_positions") == 7


def record_retries(consumer: Any) -> list[Exception]:
    reported: list[Exception] = []

    class Reporting(Unobserved):
        def retrying(self, consumer: str, *, error: Exception, seconds: float) -> None:
            reported.append(error)

    consumer._observer = Reporting()
    return reported


async def test_gaps_and_the_rows_that_a_batch_writes_are_told(world: Any, make_event: Any) -> None:
    told: list[tuple[int, int | None]] = []

    class Reporting(Unobserved):
        def batch_applied(self, consumer: str, **what: Any) -> None:
            told.append((what["gaps"], what["rows"]))

    await world.publish(*(make_event("a", n) for n in (1, 4, 5, 8)))
    async with world.running(poll_seconds=1) as consumer:
        consumer._observer = Reporting()
        await world.until(POSITION, 4)

    assert sum(gaps for gaps, _ in told) == 2, "before 4 and before 8"
    position, applied, head, parked, letters = 1, 1, 1, 3, 0
    assert told[0][1] == position + applied + head + parked + letters


async def test_a_backlog_is_one_batch_and_nobody_waits_for_more_than_there_is(
    world: Any, make_event: Any
) -> None:
    records: list[int] = []

    class Reporting(Unobserved):
        def batch_applied(self, consumer: str, **what: Any) -> None:
            records.append(what["records"])

    await world.publish(*(make_event(f"a{n}", 1) for n in range(1_000)))
    async with world.running(backlog_seconds=3600) as consumer:
        consumer._observer = Reporting()
        await world.until(POSITION, 1_000)
        await world.publish(make_event("last", 1))
        await world.until(POSITION, 1_001)

    assert records == [1_000, 1]


async def test_an_error_of_the_handler_is_retried_and_skips_nothing(
    world: Any, make_event: Any
) -> None:
    calls = 0

    async def fail_twice(connection: Connection, received: Sequence[Received]) -> None:
        nonlocal calls
        calls += 1
        for item in received:
            await connection.execute(
                "INSERT INTO applied (subject, sequence) VALUES ($1, $2)",
                item.event.subject,
                item.event.sequence,
            )
        if calls < 3:
            raise ConnectionResetError("the database went away")

    await world.publish(make_event("a", 1), make_event("a", 2))
    async with world.running(fail_twice):
        await world.until(DONE, 2)

    assert calls == 3
    assert await world.reasons() == {}


async def test_the_watermark_reaches_the_present_when_all_is_read(
    world: Any, make_event: Any
) -> None:
    await world.publish(make_event("a", 1))
    async with world.running() as consumer:
        assert consumer.watermark() is None
        await world.until(DONE, 1)
        seen_at = datetime.now(UTC)
        async with asyncio.timeout(30):
            while (mark := consumer.watermark()) is None or mark < seen_at:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
