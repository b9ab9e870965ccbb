"""What arrived is counted once, by type and source, in the transaction that folds it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from typing import Any

import asyncpg
import pytest
from kpi_histories import PARTNERS, History
from old_schemas import migrate_to

from chassis.migrations import migrate
from events import Event, Received, encode_data
from events.money import Money
from events.types.ops import CapacitySet, CostRecorded, TimeLogged
from metrics.engine.routing import route
from metrics.handler import entry_of
from metrics.store import coverage
from metrics.store.coverage import Arrivals
from metrics.store.packing import pack_events


def stated_days(events: Iterable[Event]) -> list[date]:
    """The days that events are for, found in their text by the names that these fields have."""
    written = [json.loads(encode_data(event.data)) for event in events]
    names = ("incurred_on", "work_date", "valid_from", "rate_on")
    return [date.fromisoformat(data[name]) for data in written for name in names if name in data]


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
            min(stated_days(of), default=None),
            max(stated_days(of), default=None),
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
    events = [event for event in History(23, facts=120).events if route_of(event) is not None]
    assert stated_days(events)
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


async def test_arrivals_learn_the_days_of_costs_and_hours_from_the_journal(
    service: Any, new_database: Callable[..., str]
) -> None:
    events = History(25, facts=120).events
    await service.feed_all(events)
    known = await service.pool.fetch("SELECT * FROM arrivals")
    blocks = await service.pool.fetch("SELECT id, body FROM journal")
    url = new_database()
    await migrate_to("0009", url)
    connection = await asyncpg.connect(url)
    try:
        # As the release before left them: the same arrivals, that know of instants alone.
        await connection.executemany(
            "INSERT INTO arrivals VALUES ($1, $2, $3, $4, $5, $6, $7)",
            [tuple(row.values())[:7] for row in known],
        )
        await connection.executemany("INSERT INTO journal VALUES ($1, $2)", blocks)
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


NOON = datetime(2025, 5, 20, 12, tzinfo=UTC)


def told_today(data: Any) -> Event:
    return Event.of(data, source="/partners/erp", sequence=1, occurred_at=NOON, recorded_at=NOON)


async def test_what_is_uploaded_today_covers_the_days_that_it_is_for(service: Any) -> None:
    spent = Money(amount_minor=100, currency="USD")
    for year in (2022, 2024):
        cost = CostRecorded(
            cost_id=f"c{year}", kind="operating", amount=spent, incurred_on=date(year, 1, 1)
        )
        day = date(year, 3, 1)
        hours = TimeLogged(log_id=f"t{year}", person_id="p", work_date=day, minutes=60)
        capacity = CapacitySet(person_id="p", work_date=day, available_minutes=480)
        await service.feed([told_today(data) for data in (cost, hours, capacity)])
    async with service.caller("boss") as boss:
        cost_coverage = (await boss.get("/v1/kpis/operating_cost/coverage")).json()
        utilization = (await boss.get("/v1/kpis/utilization/coverage")).json()
        page = (await boss.get("/v1/quality", params={"period": "2025-04"})).json()
    [recorded] = [e for e in cost_coverage["events"] if "ops.cost.recorded" in e["type"]]
    [source] = recorded["sources"]
    # The first day of a year, whatever the hour is in New York.
    assert (source["first_on"], source["last_on"]) == ("2022-01-01", "2024-01-01")
    assert datetime.fromisoformat(source["first_occurred_at"]) == NOON
    assert cost_coverage["coverage_from"] == "2022-01-01"
    assert utilization["coverage_from"] == "2022-03-01"
    of_page = {one["kpi"]: one["coverage_from"] for one in page["coverage"]}
    assert of_page["operating_cost"] == "2022-01-01"
    assert [one["last_on"] for one in page["sources"]] == ["2025-05-20"]
