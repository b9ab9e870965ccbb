"""The ledger is compacted with age, and answers as of every second stay what they were."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from kpi_histories import History, shuffled
from metrics_service import NOW

from chassis.clock import SetClock
from metrics.consuming import company_of
from metrics.settling import settle
from metrics.store.compacting import Sizes

TINY = Sizes(rows=3, deltas=400)
KPIS = ("revenue_net", "pipeline_open", "win_rate", "sales_cycle_days")


async def compacted(service: Any) -> int:
    steps = 0
    async with service.pool.acquire() as connection:
        while await settle(
            connection, company=company_of(service.settings), clock=SetClock(NOW), sizes=TINY
        ):
            steps += 1
    return steps


async def answers(service: Any, instants: list[datetime]) -> list[Any]:
    found = []
    async with service.caller() as client:
        for kpi in KPIS:
            for instant in instants:
                asked = {"period": "2024", "as_of": instant.isoformat(), "by": "team"}
                response = await client.get(f"/v1/kpis/{kpi}", params=asked)
                assert response.status_code == 200, response.text
                found.append(response.json()["periods"])
    return found


@pytest.mark.parametrize("seed", [71, 72])
async def test_the_ledger_says_the_same_of_every_second(service: Any, seed: int) -> None:
    events = History(seed, facts=50).events
    for batch in shuffled(events, seed):
        await service.feed(batch)
        await service.merge()
    instants = Random(seed).sample([e.recordedtime for e in events], 6)
    before, answered = await service.ledger(), await answers(service, instants)
    rows = await service.pool.fetchval("SELECT count(*) FROM ledger")
    assert await compacted(service) >= 1
    assert await service.pool.fetchval("SELECT count(*) FROM ledger") < rows / 2
    assert await service.ledger() == before
    assert await answers(service, instants) == answered
    # More comes, also about what was compacted, and is compacted in turn.
    more = History(seed + 100, facts=20).events
    await service.feed(more)
    await service.merge()
    grown = await service.ledger()
    await compacted(service)
    assert await service.ledger() == grown


async def test_what_became_known_of_late_is_left_alone(service: Any) -> None:
    for batch in shuffled(History(74, facts=30).events, 74):
        await service.feed(batch)
        await service.merge()
    rows = await service.pool.fetch("SELECT id FROM ledger ORDER BY id")
    async with service.pool.acquire() as connection:
        long_ago = SetClock(datetime(2020, 1, 1, tzinfo=UTC))
        company = company_of(service.settings)
        assert not await settle(connection, company=company, clock=long_ago, sizes=TINY)
    assert await service.pool.fetch("SELECT id FROM ledger ORDER BY id") == rows
