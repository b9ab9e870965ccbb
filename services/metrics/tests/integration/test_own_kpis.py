"""Own KPIs: defined over HTTP, made from history under load, and then equal to all others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg
import httpx
from kpi_histories import History
from metrics_service import NOW
from own_kpis import PAID, SLOWLY, WEST, sent, states

from chassis.clock import SetClock
from events import Event
from events.database_errors import DATABASE_ERRORS
from metrics.consuming import company_of
from metrics.kpis import CATALOGUE
from metrics.rebuild import move_on

YEAR = {"from": "2024-01-01", "to": "2025-01-01", "grain": "quarter"}
BY_HAND: dict[str, Any] = {
    "id": "win_rate_by_hand",
    "name": {"en": "Win rate by hand", "zh": "自定义赢单率"},
    "unit": "ratio",
    "better": "up",
    "grain": "week",
    "numerator": [{"count": "deal.won"}],
    "denominator": [{"count": "deal.won"}, {"count": "deal.lost"}],
    "dimensions": list(CATALOGUE["win_rate"].dimensions),
}


async def test_a_kpi_defined_by_hand_under_load_equals_that_of_the_release_everywhere(
    service: Any,
) -> None:
    events = History(61, facts=140).events
    half = len(events) // 2
    await service.feed_all(events[:half])
    async with service.caller() as client:
        made = await sent(client, "POST", "/v1/kpis", BY_HAND)
        assert made.status_code == 202
        assert (made.json()["state"], made.json()["version"]) == ("waiting", 1)
        refused = await client.get("/v1/kpis/win_rate_by_hand", params=YEAR)
        assert refused.status_code == 409
        assert refused.json()["type"].endswith("kpi-being-made")
        assert refused.json()["retryable"]
        async with load(service, events[half:]):
            await killed_in_the_middle(service, client)
            await service.keep(pace=SLOWLY)
        await service.know_until(NOW)
        await service.keep()
        own = (await client.get("/v1/kpis/win_rate_by_hand/definition")).json()
        assert (own["state"], own["version_in_force"], own["changed_by"]) == (
            *("in_force", 1),
            "a boss",
        )
        for by in ([], *([name] for name in BY_HAND["dimensions"]), ["owner", "region"]):
            for more in ({}, {"as_of": "2024-05-31"}, {"filter": "team:north"}):
                await same(client, {**YEAR, "by": by, **more})
        await same(client, {"period": "2024-Q2"}, "/explain")
        await same_events(client)


async def same(client: httpx.AsyncClient, params: dict[str, Any], path: str = "") -> None:
    """Ask both; they differ in nothing but id and name."""
    ours, theirs = [
        (await client.get(f"/v1/kpis/{kpi}{path}", params=params)).json()
        for kpi in ("win_rate_by_hand", "win_rate")
    ]
    assert "catalogue_version" in ours
    for answer in (ours, theirs):
        del answer["kpi"], answer["name"]
        answer.pop("next_cursor", None)
    assert ours == theirs


async def same_events(client: httpx.AsyncClient) -> None:
    ours, theirs = [
        (await client.get(f"/v1/kpis/{kpi}/coverage")).json()
        for kpi in ("win_rate_by_hand", "win_rate")
    ]
    assert ours["events"] == theirs["events"]
    listed = {one["id"]: one for one in (await client.get("/v1/kpis")).json()["items"]}
    told, theirs = listed["win_rate_by_hand"], listed["win_rate"]
    assert told["formula"]["en"] == "deals won / (deals won + deals lost)"
    for name in ("unit", "class", "dimensions", "grains", "better"):
        assert told[name] == theirs[name]


async def killed_in_the_middle(service: Any, client: httpx.AsyncClient) -> None:
    """Lose the connection of the build when it has some of history; it says how far it is."""
    connection = await asyncpg.connect(service.settings.database_url)
    company = company_of(service.settings)
    try:
        for _ in range(4):
            await move_on(connection, company=company, clock=SetClock(NOW), pace=SLOWLY)
        own = (await client.get("/v1/kpis/win_rate_by_hand/definition")).json()
        assert own["state"] == "backfilling"
        assert 0 < own["progress"]["percent"] < 100
        told = (await client.get("/v1/kpis/win_rate_by_hand", params=YEAR)).json()
        assert 0 < told["percent"] < 100
        pid = connection.get_server_pid()
        working = asyncio.create_task(
            move_on(connection, company=company, clock=SetClock(NOW), pace=SLOWLY)
        )
        async with asyncio.timeout(60):
            written = "SELECT backend_xid IS NOT NULL FROM pg_stat_activity WHERE pid = $1"
            while not await service.pool.fetchval(written, pid):  # noqa: ASYNC110 - the database's
                await asyncio.sleep(0)
        await service.pool.execute("SELECT pg_terminate_backend($1)", pid)
        with suppress(*DATABASE_ERRORS):
            await working
    finally:
        await connection.close()


async def test_definitions_that_come_while_a_build_runs_go_into_the_next_together(
    service: Any,
) -> None:
    await service.feed_all(History(62, facts=80).events)
    async with service.caller() as client:
        await sent(client, "POST", "/v1/kpis", PAID)
        async with service.pool.acquire() as connection:
            for _ in range(2):
                await move_on(
                    connection,
                    company=company_of(service.settings),
                    clock=SetClock(NOW),
                    pace=SLOWLY,
                )
        await sent(client, "POST", "/v1/kpis", WEST)
        await sent(client, "POST", "/v1/kpis", BY_HAND)
        assert await states(client) == {
            "paid_minus_refunds": "backfilling",
            "won_in_west": "waiting",
            "win_rate_by_hand": "waiting",
        }
        await service.keep(pace=SLOWLY)
        assert set((await states(client)).values()) == {"in_force"}
        assert await service.pool.fetchval("SELECT max(id) FROM generations") == 3


async def test_a_filtered_kpi_is_what_the_filter_gives_and_follows_new_events(
    service: Any,
) -> None:
    events = History(63, facts=60, of=["deal"]).events
    await service.feed_all(events[:-60])
    async with service.caller() as client:
        await sent(client, "POST", "/v1/kpis", WEST)
        await service.keep(pace=SLOWLY)
        await service.feed_all(events[-60:])
        await service.know_until(NOW)
        for more in ({}, {"as_of": "2024-05-31"}, {"by": "team"}, {"by": ["team", "product"]}):
            asked = {**YEAR, **more}
            ours = (await client.get("/v1/kpis/won_in_west", params=asked)).json()
            asked["filter"] = "region:West"
            theirs = (await client.get("/v1/kpis/win_rate", params=asked)).json()
            assert values(ours, "value") == values(theirs, "numerator")
        assert any(value for value in values(ours, "value").values())
        period = {"period": "2024-Q2"}
        explained = (await client.get("/v1/kpis/won_in_west/explain", params=period)).json()
        assert sum(one["amount"] for one in explained["items"]) == explained["value"]


async def test_own_kpis_are_drawn_as_those_of_the_release_are(service: Any) -> None:
    await service.feed_all(History(71, facts=120).events)
    same_for_all = {name: WEST[name] for name in ("name", "better", "where")}
    cycle = {**same_for_all, "id": "cycle", "unit": "days", "percentile": {"of": "deal.won"}}
    stock = {**same_for_all, "id": "stock", "unit": "money", "value": [{"sum": "deal.open"}]}
    drawn = [("cycle", "sales_cycle_days", shape) for shape in ("survival", "distribution")]
    async with service.caller() as client:
        for body in (cycle, stock):
            await sent(client, "POST", "/v1/kpis", body)
        await service.keep()
        await service.know_until(NOW)
        for ours, theirs, shape in (*drawn, ("stock", "pipeline_open", "buckets")):
            asked = {"period": "2024", "shape": shape}
            own = (await client.get(f"/v1/kpis/{ours}/shape", params=asked)).json()
            asked["filter"] = "region:West"
            other = (await client.get(f"/v1/kpis/{theirs}/shape", params=asked)).json()
            assert own[shape]
            assert own[shape] == other[shape]


def values(answer: Any, of: str) -> dict[Any, Any]:
    """By period and members; without those that have nothing."""
    return {
        (period["period"], *row["dimensions"].values()): row[of]
        for period in answer["periods"]
        for row in period["rows"]
        if row[of]
    }


async def test_whoever_may_not_define_is_refused_and_so_is_what_is_taken(service: Any) -> None:
    async with service.caller("sales_lead", "t1") as lead:
        assert (await lead.post("/v1/kpis", json=WEST)).status_code == 403
        assert (await lead.delete("/v1/kpis/won_in_west")).status_code == 403
    async with service.caller() as boss:
        taken = await boss.post("/v1/kpis", json={**WEST, "id": "win_rate"})
        assert taken.status_code == 409
        assert taken.json()["errors"][0]["field"] == "id"
        for reserved in ("stream", "vocabulary", "definitions"):
            taken = await boss.post("/v1/kpis", json={**WEST, "id": reserved})
            assert taken.status_code == 409
        await sent(boss, "POST", "/v1/kpis", WEST)
        assert (await boss.post("/v1/kpis", json=WEST)).status_code == 409
        bad = await boss.post("/v1/kpis", json={**WEST, "id": "other", "where": {"owner": ["a"]}})
        assert bad.status_code == 422
        assert bad.json()["errors"][0]["field"] == "where.owner"
        words = (await boss.get("/v1/kpis/vocabulary")).json()["items"]
        assert next(one for one in words if one["name"] == "deal.won")["amounts"] == "money"
        assert (await boss.delete("/v1/kpis/win_rate")).status_code == 404


async def test_there_can_be_fifty(service: Any) -> None:
    async with service.caller() as boss:
        for number in range(50):
            await sent(boss, "POST", "/v1/kpis", {**WEST, "id": f"own_{number}"})
        full = await boss.post("/v1/kpis", json=WEST)
        assert full.status_code == 409
        assert full.json()["type"].endswith("too-many-definitions")


async def test_who_sees_one_team_sees_its_part_of_an_own_kpi_and_no_more(service: Any) -> None:
    await service.feed_all(History(70, facts=60).events)
    async with service.caller() as boss, service.caller("sales_lead", "north") as lead:
        await sent(boss, "POST", "/v1/kpis", WEST)
        await service.keep()
        asked = {**YEAR, "filter": "team:north"}
        ours = (await lead.get("/v1/kpis/won_in_west", params=asked)).json()
        assert ours == (await boss.get("/v1/kpis/won_in_west", params=asked)).json()
        assert (await lead.get("/v1/kpis/won_in_west", params=YEAR)).status_code == 403


@asynccontextmanager
async def load(service: Any, events: Sequence[Event]) -> AsyncIterator[None]:
    """Somebody who folds events meanwhile."""
    working = asyncio.create_task(service.feed_all(events))
    try:
        yield
        await working
    finally:
        working.cancel()
