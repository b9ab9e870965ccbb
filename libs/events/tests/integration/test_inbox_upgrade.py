"""An inbox from before contents were kept: everything in it keeps its place."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from events import schema_sql
from events.inbox import receive
from events.inbox.feed import BEGINNING, Filter, read_page
from events.partners import Incoming

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def incoming(event_id: str, subject: str) -> Incoming:
    return Incoming(
        id=event_id, source="/x", type="t", subject=subject, time=NOON, payload=b'{"a":1}'
    )


async def test_an_inbox_of_the_first_release_goes_on_without_a_hole(pool: Any) -> None:
    await pool.execute(schema_sql.INBOX_SQL)
    for n in range(4):
        event = incoming(f"e{n}", f"s{n % 2}")
        await pool.execute(
            "INSERT INTO inbox VALUES ('/x', $1, $2, 't', $3, $4, $5)",
            *(event.id, event.digest, event.subject, n // 2 + 1, NOON + timedelta(seconds=n)),
        )
    await pool.execute("INSERT INTO inbox_subjects VALUES ('/x', 's0', 2), ('/x', 's1', 2)")
    await pool.execute(
        "INSERT INTO outbox (event_id, aggregatetype, aggregateid, aggregate_version, type,"
        " payload, source, occurred_at, recorded_at, shard)"
        " VALUES ('e3', 'partner', 's1', 2, 't', '{}', '/x', $1, $1, 0)",
        NOON,
    )
    for _ in range(2):
        await pool.execute(schema_sql.INBOX_FEED_SQL)
    for _ in range(2):
        await pool.execute(schema_sql.INBOX_LEAN_SQL)

    async with pool.acquire() as connection:
        taken = await receive(
            connection, [incoming("e3", "s1"), incoming("e4", "s1")], received_at=NOON
        )
        page = await read_page(connection, {"/x": BEGINNING}, Filter(), limit=10)
    assert [(one.verdict, one.sequence, one.replaces) for one in taken] == [
        ("duplicate", 2, "e1"),
        ("accepted", 3, "e3"),
    ]
    assert [(one.position, one.event_id) for one in page.events] == [
        (n + 1, f"e{n}") for n in range(5)
    ]
    assert [one.published for one in page.events] == [True, True, True, False, False]
    assert [one.content for one in page.events] == [None, None, None, None, '{"a":1}']
