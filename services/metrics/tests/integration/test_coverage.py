"""What arrived is counted once, by type and source, in the transaction that folds it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from typing import Any

import asyncpg
import pytest
from kpi_histories import PARTNERS, History
from old_schemas import migrate_to

from chassis.migrations import migrate
from events import Event, Received
from metrics.engine.routing import route
from metrics.handler import entry_of
from metrics.store import coverage
from metrics.store.coverage import Arrivals
from metrics.store.packing import pack_events


def expected(events: Iterable[Event]) -> list[Arrivals]:
    by_kind: dict[tuple[str, str], list[Event]] = {}
    for event in events:
        by_kind.setdefault((event.type, event.source), []).append(event)
    return [
        Arrivals(
            *kind,
            len(of),
            min(e.time for e in of),
            max(e.time for e in of),
            max(e.recordedtime for e in of),
        )
        for kind, of in sorted(by_kind.items())
    ]


async def test_each_event_is_counted_once_whoever_folds_it(service: Any) -> None:
    events = History(21, facts=60).events
    for place, start in enumerate(range(0, len(events), 17)):
        await service.feed(events[start : start + 17], shard=place % 2)
    async with service.pool.acquire() as connection:
        assert await coverage.read(connection) == expected(events)
        assert await coverage.read(connection, types=["none"]) == []


async def test_a_batch_that_is_rolled_back_has_not_arrived(service: Any) -> None:
    async with service.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        received = [Received(e, e.source, 0, 0) for e in History(22, facts=5).events]
        await service.folder()(connection, received)
        await transaction.rollback()
        assert await coverage.read(connection) == []


async def test_an_old_journal_is_counted_when_the_table_is_made(
    new_database: Callable[..., str],
) -> None:
    # A void stands under each of its facts: as one event in two lines of the journal.
    events = [event for event in History(23, facts=40).events if route_of(event) is not None]
    placed = [(route_of(event), entry_of(event)) for event in events]
    refunds = [one for one in placed if "payment.refunded" in one[1].data.wire_type]
    assert refunds
    url = new_database()
    await migrate_to("0002", url)
    connection = await asyncpg.connect(url)
    try:
        for block, lines in enumerate((placed, refunds)):
            await connection.execute(
                "INSERT INTO journal VALUES ($1, $2)", block, pack_events(lines)
            )
        await migrate("metrics", url)
        assert await coverage.read(connection) == expected(events)
    finally:
        await connection.close()


def route_of(event: Event) -> Any:
    return route(event.data, source=event.source)


async def test_a_kpi_tells_what_it_needs_and_what_came(service: Any) -> None:
    orders = [e for e in History(24, facts=80).events if "order.paid" in e.type]
    await service.feed(orders)
    async with service.caller("boss") as boss:
        revenue = (await boss.get("/v1/kpis/revenue_net/coverage")).json()
        rate = (await boss.get("/v1/kpis/win_rate/coverage")).json()
    by_type = {one["type"].split(".v")[0].split(".", 3)[3]: one for one in revenue["events"]}
    assert set(by_type) == {"deal.won", "order.paid", "payment.refunded"}
    paid = by_type["order.paid"]
    assert paid["from_partners"]
    assert paid["events"] == len(orders) == sum(one["events"] for one in paid["sources"])
    assert {one["source"] for one in paid["sources"]} <= set(PARTNERS)
    first = min(event.time for event in orders)
    # New York is behind UTC: the first order may be of the day before.
    assert abs((date.fromisoformat(revenue["coverage_from"]) - first.date()).days) <= 1
    assert rate["coverage_from"] is None
    assert len(rate["missing"]) == 2


@pytest.mark.parametrize(
    ("role", "teams", "path", "status"),
    [
        ("sales_lead", ("EAST",), "/v1/kpis/win_rate/coverage", 403),
        ("boss", (), "/v1/kpis/none/coverage", 404),
    ],
)
async def test_coverage_is_refused(
    service: Any, role: str, teams: tuple[str, ...], path: str, status: int
) -> None:
    async with service.caller(role, *teams) as caller:
        response = await caller.get(path)
    assert response.status_code == status
    assert response.json()["hint"]
