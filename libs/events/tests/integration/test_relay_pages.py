"""What a relay reads at once: by the index, as much as memory has room for, not too little."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import asyncpg
import pytest

from events import append_asyncpg
from events.doorbell import RING
from events.outbox import MAX_EVENT_BYTES, SHARDS
from events.relay.mover import PAGE
from events.relay.shards import SESSION

WAITING = "SELECT count(*) FROM outbox"
PROMISE = """
INSERT INTO outbox (event_id, aggregatetype, aggregateid, aggregate_version, type, payload,
                    source, occurred_at, recorded_at, shard)
SELECT n::text, $1, 'large', n, 'com.tandem.test.unknown.v1', {payload}, '/tandem/test',
       now(), now(), 0
FROM generate_series(1, $2::int) n"""


async def test_after_a_small_page_events_come_together_for_the_next(
    world: Any, database: str, make_event: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page costs broker and consumers milliseconds, however little is in it."""
    monkeypatch.setattr("events.relay.mover._GATHER_SECONDS", 0.2)
    async with world.relaying(database) as watching:
        for sequence in range(1, 5):
            await append_asyncpg(world.pool, [make_event("a", sequence)], topic=world.topic)
            await world.pool.execute(RING)
            await world.until(WAITING, 0)

    assert watching.pages == [1, 1, 1, 1]
    assert all(later - earlier > 0.15 for earlier, later in pairwise(watching.begun))


async def test_a_page_is_found_by_its_index_though_the_outbox_has_no_statistics(
    world: Any, database: str, make_event: Any
) -> None:
    """Else all that waits is read and sorted for each page: with the square of what waits."""
    events = [make_event(f"s{n}", 1) for n in range(2000)]
    await append_asyncpg(world.pool, events, topic=world.topic)
    connection = await asyncpg.connect(database, server_settings=SESSION)

    plan = await connection.fetch(f"EXPLAIN {PAGE}", list(range(SHARDS)), [], 500, 1_000_000)

    await connection.close()
    assert "Index Scan using outbox_pkey" in str(plan)
    assert "Sort" not in str(plan)


async def test_large_events_go_out_in_pages_of_bounded_size(world: Any, database: str) -> None:
    """Memory is bounded by bytes, not by rows: a page is read whole."""
    payload = """(SELECT to_json(string_agg(md5(n || '-' || part), ''))
                FROM generate_series(1, 6000) part)"""
    await world.pool.execute(PROMISE.format(payload=payload), world.topic, 60)
    async with world.relaying(database) as watching:
        await world.until(WAITING, 0, seconds=60)

    assert watching.published_count == 60
    assert max(watching.pages) <= 4 * 1024 * 1024 // (6_000 * 32) + 1
    assert await world.on_the_log() == {"large": list(range(1, 61))}


async def test_large_events_that_compress_well_do_so_too(pool: Any, database: str) -> None:
    """PostgreSQL keeps half a megabyte of repetitions in six kilobytes, and gives it back whole."""
    letters = MAX_EVENT_BYTES - 10
    payload = f"json_build_object('x', repeat('x', {letters}))"
    await pool.execute(PROMISE.format(payload=payload), "nowhere", 200)
    connection = await asyncpg.connect(database, server_settings=SESSION)

    page = await connection.fetch(PAGE, list(range(SHARDS)), [], 5_000, 4 * 1024 * 1024)

    await connection.close()
    assert sum(len(row["payload"]) for row in page) <= 24 * 1024 * 1024
    assert [row["aggregate_version"] for row in page] == [*range(1, len(page) + 1)]
