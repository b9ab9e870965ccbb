"""Cells are added up by months, and no answer tells whether they were."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
from kpi_histories import History, shuffled
from metrics_service import NOW

from chassis.clock import SetClock
from metrics.consuming import company_of
from metrics.engine.calendar import Grain, period_of
from metrics.settling import settle
from metrics.store.compacting import Sizes
from metrics.store.pages import cells_of_all
from metrics.store.runs import runs_in

NEVER = Sizes(rows=10**6, deltas=10**6)
ASKED = (
    ("revenue_net", {"from": "2023-01-01", "to": "2025-01-01", "grain": "month", "by": "team"}),
    ("sales_cycle_days", {"from": "2023-01-01", "to": "2025-01-01", "grain": "quarter"}),
    ("pipeline_open", {"from": "2024-02-10", "to": "2024-02-20", "grain": "day", "by": "team"}),
    ("win_rate", {"period": "2024", "by": "channel"}),
    ("cac", {"period": "2024"}),
)


async def added_up(service: Any) -> int:
    steps = 0
    async with service.pool.acquire() as connection:
        clock, company = SetClock(NOW), company_of(service.settings)
        while await settle(connection, company=company, clock=clock, sizes=NEVER):
            steps += 1
    return steps


async def answers(service: Any) -> list[Any]:
    found = []
    async with service.caller() as client:
        for kpi, asked in ASKED:
            response = await client.get(f"/v1/kpis/{kpi}", params=asked)
            assert response.status_code == 200, response.text
            found.append(response.json()["periods"])
    return found


async def assert_months_are_sums_of_their_days(service: Any) -> int:
    """Of those that are not stale; returns how many they are."""
    pages = await service.pool.fetch("SELECT * FROM cells_by_month WHERE body IS NOT NULL")
    for page in pages:
        month = page["month"]
        days = await service.pool.fetch(
            "SELECT body FROM cells WHERE (generation, cube, dimension, shard) = ($1, $2, $3, $4)"
            " AND day >= $5 AND day < $6",
            *(page["generation"], page["cube"], page["dimension"], page["shard"], month),
            period_of(month, Grain.MONTH).end,
        )
        cells = cells_of_all(body for (body,) in days)
        places = range(len(cells[0]) - 2)
        runs = runs_in(page["body"], places)
        kept = [
            (member, *cell)
            for member, own in runs.each()
            for cell in zip(
                *(column[own].tolist() for column in (runs.bins, *runs.amounts)), strict=True
            )
        ]
        assert kept == sorted(cells)
    return len(pages)


async def test_months_are_added_up_and_made_anew_when_a_day_changes(service: Any) -> None:
    batches = shuffled(History(91, facts=40).events, 91)
    for batch in batches:
        await service.feed(batch)
        await service.merge()
    before = await answers(service)
    assert await assert_months_are_sums_of_their_days(service) == 0
    assert await added_up(service) > 0
    kept = await assert_months_are_sums_of_their_days(service)
    assert kept > 0
    assert await answers(service) == before
    # What comes late makes months stale, until they are added up again.
    await service.feed(History(92, facts=40).events)
    await service.merge()
    assert await assert_months_are_sums_of_their_days(service) < kept
    late = await answers(service)
    assert late != before
    await added_up(service)
    assert await assert_months_are_sums_of_their_days(service) > kept
    assert await answers(service) == late


async def test_what_became_silent_leaves_no_month(service: Any) -> None:
    await service.feed(History(93, facts=10).events)
    await service.merge()
    await service.pool.execute("DELETE FROM cells")
    await added_up(service)
    due = "SELECT count(*) FROM cells_by_month WHERE month < 20000"
    assert await service.pool.fetchval(due) == 0


async def test_a_month_is_read_of_all_workers_or_by_days(service: Any) -> None:
    events = History(95, facts=40).events
    await service.feed(events[::2])
    await service.merge()
    await added_up(service)
    await service.feed(events[1::2], shard=1)
    await service.merge(shard=1)
    before = await answers(service)
    await added_up(service)
    shards = await service.pool.fetch("SELECT DISTINCT shard FROM cells_by_month ORDER BY 1")
    assert [shard for (shard,) in shards] == [0, 1]
    assert await answers(service) == before


async def test_nobody_adds_up_a_month_that_is_being_written(service: Any) -> None:
    await service.feed(History(94, facts=10).events)
    await service.merge()
    writer = await asyncpg.connect(service.settings.database_url)
    try:
        generation = await writer.fetchval("SELECT generation FROM live_generation")
        await writer.execute("SELECT pg_advisory_lock($1, 0)", generation)
        async with asyncio.timeout(60):
            assert await added_up(service) == 0
    finally:
        await writer.close()
    assert await added_up(service) > 0
