"""Which requests share a commit, and how many commits are on their way to PostgreSQL at a time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

House = Any
SHOP = "https://shop.example.com"
WAITING = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock'
  AND query LIKE '%INTO inbox_sources %'"""


def order(number: int, order_id: str | None = None) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"e{number}",
        "source": SHOP,
        "type": "com.tandem.partner.order.paid.v1",
        "time": "2026-03-01T10:00:00Z",
        "data": {
            "order_id": order_id or f"o{number}",
            "amount": {"amount_minor": 1000, "currency": "USD"},
        },
    }


async def send(house: House, *events: dict[str, Any]) -> list[tuple[str, int]]:
    headers = house.bearer("partner", sources=[SHOP])
    headers["Content-Type"] = "application/cloudevents-batch+json"
    answer = await house.client.post("/v1/events", content=json.dumps(events), headers=headers)
    assert answer.status_code == 202, answer.text
    return [(one["status"], one["sequence"]) for one in answer.json()["results"]]


@asynccontextmanager
async def held_source(house: House) -> AsyncIterator[asyncpg.Connection[Any]]:
    """Whoever files events of the source waits. Gives a connection to look at them by."""
    url = house.app.state.resources.settings.database_url
    holder, watcher = await asyncpg.connect(url), await asyncpg.connect(url)
    try:
        async with holder.transaction():
            await holder.execute("SELECT FROM inbox_sources FOR UPDATE")
            yield watcher  # in a transaction PostgreSQL shows the same activity for ever
    finally:
        await holder.close()
        await watcher.close()


async def waiting(connection: asyncpg.Connection[Any], expected: int) -> None:
    async with asyncio.timeout(60):
        while await connection.fetchval(WAITING) != expected:  # noqa: ASYNC110 - a lock rings no bell
            await asyncio.sleep(0.01)


async def positions(house: House) -> list[int]:
    connection = await asyncpg.connect(house.app.state.resources.settings.database_url)
    rows = await connection.fetch("SELECT position FROM inbox ORDER BY 1")
    await connection.close()
    return [row[0] for row in rows]


async def test_two_commits_are_on_their_way_and_what_comes_later_shares_the_next(
    house: House,
) -> None:
    await send(house, order(0))
    async with held_source(house) as watcher:
        first = asyncio.create_task(send(house, order(1), order(2)))
        await waiting(watcher, 1)
        small = asyncio.create_task(send(house, order(3)))  # fewer than are on their way: it waits
        second = asyncio.create_task(send(house, order(4)))
        await waiting(watcher, 2)
        rest = [asyncio.create_task(send(house, order(n))) for n in range(5, 12)]
        await asyncio.sleep(0)
        assert await watcher.fetchval(WAITING) == 2
    for sent in (first, small, second, *rest):
        assert set(await sent) == {("accepted", 1)}
    assert await positions(house) == list(range(1, 13))


async def test_a_source_that_repeats_itself_is_looked_up_and_goes_alone(house: House) -> None:
    await send(house, order(0))
    assert await send(house, order(0)) == [("duplicate", 1)]
    async with held_source(house) as watcher:
        first = asyncio.create_task(send(house, order(1, "o0")))
        await waiting(watcher, 1)
        second = asyncio.create_task(send(house, order(2, "o0"), order(3)))
        third = asyncio.create_task(send(house, order(1, "o0")))
        for _ in range(20):
            await asyncio.sleep(0.01)
            assert await watcher.fetchval(WAITING) == 1
    assert await first == [("accepted", 2)]
    assert await second == [("accepted", 3), ("accepted", 1)]
    assert await third == [("duplicate", 2)]


async def test_a_presumption_that_was_wrong_costs_nobody_its_events(house: House) -> None:
    """One of the requests in a commit repeats an id, another a subject."""
    await send(house, order(0))
    async with held_source(house) as watcher:
        first = asyncio.create_task(send(house, *(order(n) for n in range(1, 5))))
        await waiting(watcher, 1)
        others = [
            asyncio.create_task(send(house, *events))
            for events in ([order(5), order(6)], [order(0), order(1)], [order(7, "o2")])
        ]
        await waiting(watcher, 2)
    assert await first == [("accepted", 1)] * 4
    assert [await other for other in others] == [
        [("accepted", 1)] * 2,
        [("duplicate", 1)] * 2,
        [("accepted", 2)],
    ]
    assert await positions(house) == list(range(1, 9))
