"""Partners' events: taken once, numbered without a hole, conflicts shown."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import asyncpg
import msgspec
import pytest

from events import Money, schema_sql
from events.event import encode_data
from events.inbox import Receipt, receive
from events.partners import Incoming
from events.types import EventData
from events.types.partner import EventVoided, OrderPaid

WAITS = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
async def pool(pool: Any) -> Any:
    """A database with an inbox: the gateway's, whose outbox leaves versions to the inbox."""
    for ddl in (schema_sql.INBOX_SQL, schema_sql.INBOX_FEED_SQL, schema_sql.INBOX_LEAN_SQL):
        await pool.execute(ddl)
    return pool


def incoming(identity: str, data: EventData, source: str = "/partners/x") -> Incoming:
    voids = data.event_id if isinstance(data, EventVoided) else None
    return Incoming(
        id=identity,
        source=source,
        type=data.wire_type,
        subject=None if voids else data.subject,
        time=NOW,
        payload=encode_data(data),
        voids=voids,
    )


def order(identity: str, subject: str = "o", amount: int = 1, **more: Any) -> Incoming:
    money = Money(amount_minor=amount, currency="USD")
    return incoming(identity, OrderPaid(order_id=subject, amount=money), **more)


def void(identity: str, event_id: str) -> Incoming:
    return incoming(identity, EventVoided(event_id=event_id, reason="test"))


async def take(pool: Any, *events: Incoming) -> list[Receipt]:
    async with pool.acquire() as connection, connection.transaction():
        return await receive(connection, events, received_at=NOW)


def verdicts(receipts: Sequence[Receipt]) -> list[tuple[str, int | None]]:
    return [(receipt.verdict, receipt.sequence) for receipt in receipts]


async def test_the_same_event_again_is_taken_once_and_answered_alike(pool: Any) -> None:
    first = await take(pool, order("1"))
    again = await take(pool, order("1"), order("1"))

    assert verdicts(first) == [("accepted", 1)]
    assert verdicts(again) == [("duplicate", 1), ("duplicate", 1)]
    assert await pool.fetchval("SELECT count(*) FROM outbox") == 1


async def test_the_same_id_with_another_content_is_a_conflict_and_not_taken(pool: Any) -> None:
    receipts = await take(pool, order("1"), order("1", amount=2))

    assert verdicts(receipts) == [("accepted", 1), ("conflict", 1)]
    assert verdicts(await take(pool, order("1", amount=3))) == [("conflict", 1)]
    assert verdicts(await take(pool, order("1", source="/partners/y"))) == [("accepted", 1)]


async def test_a_voiding_goes_under_the_subject_of_what_it_voids(pool: Any) -> None:
    await take(pool, order("1", "o-7"))
    receipts = await take(
        pool, void("2", "1"), void("3", "nothing"), order("4", "o-8"), void("5", "4")
    )

    assert verdicts(receipts) == [
        ("accepted", 2),
        ("unknown_event", None),
        ("accepted", 1),
        ("accepted", 2),
    ]
    assert [receipt.subject for receipt in receipts] == ["o-7", None, "o-8", "o-8"]


async def test_requests_at_once_number_a_subject_without_a_hole(pool: Any) -> None:
    await asyncio.gather(
        *(take(pool, *(order(f"{who}-{n}", f"s{n % 3}") for n in range(6))) for who in range(6))
    )

    rows = await pool.fetch("SELECT subject, sequence, position FROM inbox ORDER BY position")
    for subject in ("s0", "s1", "s2"):
        assert [row[1] for row in rows if row[0] == subject] == list(range(1, 13))
    assert [row[2] for row in rows] == list(range(1, 37))


async def test_who_comes_late_takes_nothing_until_it_asks_again(pool: Any) -> None:
    """Outside of a transaction nobody waits for a lock before looking; an index tells then."""
    for late in (order("1"), order("2")):
        async with pool.acquire() as first, pool.acquire() as second:
            transaction = first.transaction()
            await transaction.start()
            await receive(first, [order("1")], received_at=NOW)
            waiting = asyncio.create_task(receive(second, [late], received_at=NOW))
            while not await pool.fetchval(WAITS):  # noqa: ASYNC110 - a lock rings no bell
                await asyncio.sleep(0.01)
            await transaction.commit()
            with pytest.raises(asyncpg.UniqueViolationError):
                await waiting
            await pool.execute("TRUNCATE inbox, inbox_sources")


async def test_a_batch_that_was_presumed_new_and_is_not_takes_nothing(pool: Any) -> None:
    await take(pool, order("1", "o1"))
    async with pool.acquire() as connection:
        for known in (order("1", "o9"), order("9", "o1")):
            with pytest.raises(asyncpg.UniqueViolationError):
                await receive(
                    connection, [order("2", "o2"), known], received_at=NOW, presumed_new=True
                )
        assert await pool.fetchval("SELECT count(*) FROM inbox") == 1
        batch = [order("2", "o2"), order("3", "o2"), order("2", "o2"), order("2", "o2", amount=7)]
        receipts = await receive(connection, batch, received_at=NOW, presumed_new=True)
    assert verdicts(receipts) == [
        *(("accepted", 1), ("accepted", 2)),
        *(("duplicate", 1), ("conflict", 1)),
    ]


async def test_texts_arrive_as_they_are(pool: Any) -> None:
    """They travel joined: separators, quotes and nothing at all must come apart again."""
    odd = [order("\x1f", '"{,}\\', source="/p/\x1f"), order(" ", "NULL"), order("3", "ü\U0001f600")]
    odd.append(
        msgspec.structs.replace(order("4"), traceparent="00-a", extensions={"a": "\x1f", "b": ""})
    )
    await take(pool, *odd)

    rows = await pool.fetch("SELECT * FROM inbox")
    rows = [next(row for row in rows if row["event_id"] == event.id) for event in odd]
    assert [(row["source"], row["event_id"], row["subject"]) for row in rows] == [
        (event.source, event.id, event.subject) for event in odd
    ]
    assert [row["content"].encode() for row in rows] == [event.payload for event in odd]
    assert [row["traceparent"] for row in rows] == [None, None, None, "00-a"]
    assert [row["extensions"] for row in rows][2:] == [None, '{"a":"\\u001f","b":""}']
    assert [row["occurred_at"] for row in rows] == [NOW] * 4
    assert [one.verdict for one in await take(pool, *odd)] == ["duplicate"] * 4


async def test_nothing_is_taken_when_the_request_fails(pool: Any) -> None:
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await receive(connection, [order("1")], received_at=NOW)
        await transaction.rollback()

    assert verdicts(await take(pool, order("1"))) == [("accepted", 1)]
    assert await take(pool) == []
