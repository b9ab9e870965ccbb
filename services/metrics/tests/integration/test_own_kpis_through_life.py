"""Own KPIs through life: changed, retired, broken, set aside, and taken up by another release."""

from __future__ import annotations

from typing import Any

import httpx
from kpi_histories import History
from metrics_service import NOW
from own_kpis import PAID, SLOWLY, WEST, sent, states

from chassis.clock import SetClock
from metrics.consuming import company_of
from metrics.rebuild import move_on


async def test_a_changed_definition_keeps_its_old_values_until_the_new_ones_are_made(
    service: Any,
) -> None:
    await service.feed_all(History(64, facts=60).events)
    async with service.caller() as client:
        await sent(client, "POST", "/v1/kpis", WEST)
        await service.keep()
        other = {name: said for name, said in WEST.items() if name not in ("id", "where")}
        missing = await client.put("/v1/kpis/won_in_west", json=other)
        assert missing.status_code == 428
        changed = await client.put("/v1/kpis/won_in_west", json=other, headers={"if-match": '"1"'})
        assert (changed.status_code, changed.headers["etag"]) == (202, '"2"')
        stale = await client.put("/v1/kpis/won_in_west", json=other, headers={"if-match": '"1"'})
        assert stale.status_code == 412
        assert await version_told(client) == 1
        await service.keep()
        assert await version_told(client) == 2
        again = await client.put("/v1/kpis/won_in_west", json=other, headers={"if-match": '"2"'})
        assert again.headers["etag"] == '"2"'


async def version_told(client: httpx.AsyncClient) -> int:
    listed = (await client.get("/v1/kpis")).json()["items"]
    return int(next(one["version"] for one in listed if one["id"] == "won_in_west"))


async def test_a_retired_kpi_goes_with_the_next_figures_and_its_history_stays(
    service: Any,
) -> None:
    await service.feed_all(History(65, facts=40).events)
    async with service.caller() as client:
        await sent(client, "POST", "/v1/kpis", WEST)
        await service.keep()
        retired = await client.delete("/v1/kpis/won_in_west")
        assert retired.json()["state"] == "retired"
        assert retired.json()["version_in_force"] == 1
        assert (await client.get("/v1/kpis/won_in_west")).status_code == 200
        await service.keep()
        assert (await client.get("/v1/kpis/won_in_west")).status_code == 404
        own = (await client.get("/v1/kpis/won_in_west/definition")).json()
        assert [one["version"] for one in own["history"]] == [2, 1]
        assert own["history"][1]["definition"]["where"] == {"region": ["West"]}
        again = await sent(client, "POST", "/v1/kpis", WEST)
        assert again.json()["version"] == 3
        await service.keep()
        assert (await client.get("/v1/kpis/won_in_west")).status_code == 200


async def test_a_definition_that_this_release_cannot_read_is_listed_as_broken(
    service: Any,
) -> None:
    await service.feed_all(History(66, facts=40).events)
    async with service.caller() as client:
        for body in (WEST, PAID):
            await sent(client, "POST", "/v1/kpis", body)
        # As a release had it that knew one more kind of moments.
        await service.pool.execute(
            "UPDATE own_kpis SET definition ="
            " replace(definition::text, 'deal.won', 'deal.dreamt_of')::json"
            " WHERE id = 'won_in_west'"
        )
        await service.keep()
        assert await states(client) == {
            "paid_minus_refunds": "in_force",
            "won_in_west": "broken",
        }
        own = (await client.get("/v1/kpis/won_in_west/definition")).json()
        assert own["kpi"] is None
        assert own["reason"].startswith("value.0.count: there is no such kind")
        refused = await client.get("/v1/kpis/won_in_west")
        assert (refused.status_code, refused.json()["state"]) == (409, "broken")
        assert (await client.get("/v1/kpis/paid_minus_refunds")).status_code == 200


async def test_figures_that_somebody_switched_away_from_are_not_made_again(
    service: Any,
) -> None:
    await service.feed_all(History(67, facts=40).events)
    async with service.caller() as client, service.caller("admin") as admin:
        await sent(client, "POST", "/v1/kpis", WEST)
        await service.keep()
        assert (await admin.post("/v1/rebuilds/1/switch")).status_code == 202
        await service.keep()
        assert await states(client) == {"won_in_west": "set_aside"}
        refused = (await client.get("/v1/kpis/won_in_west")).json()
        assert "POST /v1/rebuilds/2/switch" in refused["detail"]
        assert (await admin.post("/v1/rebuilds/2/switch")).status_code == 202
        await service.keep()
        assert await states(client) == {"won_in_west": "in_force"}


async def test_figures_that_were_given_up_are_made_when_somebody_asks_for_them(
    service: Any,
) -> None:
    await service.feed_all(History(68, facts=60).events)
    async with service.caller() as client, service.caller("admin") as admin:
        await sent(client, "POST", "/v1/kpis", WEST)
        async with service.pool.acquire() as connection:
            await move_on(
                connection, company=company_of(service.settings), clock=SetClock(NOW), pace=SLOWLY
            )
        assert (await admin.delete("/v1/rebuilds/2")).status_code == 204
        await service.keep()
        own = (await client.get("/v1/kpis/won_in_west/definition")).json()
        assert own["state"] == "set_aside"
        assert "POST /v1/rebuilds" in own["reason"]
        asked = await admin.post("/v1/rebuilds", json={"switch": "automatically"})
        assert asked.json()["own_definitions"] == 1
        await service.keep()
        assert await states(client) == {"won_in_west": "in_force"}


async def test_a_release_that_starts_in_the_middle_of_a_backfill_goes_on_with_its_definitions(
    service: Any,
) -> None:
    await service.feed_all(History(69, facts=60).events)
    async with service.caller() as client:
        await sent(client, "POST", "/v1/kpis", WEST)
        async with service.pool.acquire() as connection:
            for _ in range(3):
                await move_on(
                    connection,
                    company=company_of(service.settings),
                    clock=SetClock(NOW),
                    pace=SLOWLY,
                )
        assert await states(client) == {"won_in_west": "backfilling"}
        await service.pool.execute("UPDATE generations SET catalogue_version = 'an older one'")
        await service.prepare()
        assert await states(client) == {"won_in_west": "in_force"}
