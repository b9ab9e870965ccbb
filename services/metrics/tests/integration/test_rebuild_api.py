"""Rebuilds over HTTP: asked for, watched, compared down to the facts, switched and taken back."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from kpi_histories import History

from events import Event
from metrics.catalogues import terms_of
from metrics.engine.company import Company
from metrics.rebuild import start_build

ELSEWHERE = Company(time_zone="Asia/Shanghai", base_currency="USD")


async def ask(client: Any, method: str, path: str, **more: Any) -> Any:
    response = await client.request(method, path, **more)
    assert response.status_code < 300, response.text
    return response.json() if response.content else None


async def fed(service: Any, events: list[Event]) -> None:
    await service.feed_all(events)
    await service.know_until(max(event.recordedtime for event in events))


async def test_figures_are_built_shown_and_switched_by_hand(service: Any) -> None:
    await fed(service, History(51, facts=80).events)
    async with service.caller("admin") as admin:
        made = await ask(admin, "POST", "/v1/rebuilds", json={"switch": "by_hand"})
        assert (made["id"], made["status"], made["asked_by"]) == (2, "building", "a admin")
        early = await admin.get("/v1/rebuilds/2/differences")
        assert early.json()["type"].endswith("rebuild-under-way")
        again = await admin.post("/v1/rebuilds", json={})
        assert again.status_code == 409
        await service.keep()
        ready = await ask(admin, "GET", "/v1/rebuilds/2")
        assert (ready["status"], ready["progress"]["percent"]) == ("ready", 100.0)
        assert ready["progress"]["events"] > 0
        compared = await ask(admin, "GET", "/v1/rebuilds/2/differences")
        assert compared["items"] == []
        await ask(admin, "POST", "/v1/rebuilds/2/switch")
        await service.keep()
        listed = (await ask(admin, "GET", "/v1/rebuilds"))["items"]
        assert [(one["id"], one["status"]) for one in listed] == [(2, "live"), (1, "retired")]
        await ask(admin, "POST", "/v1/rebuilds/1/switch")
        await service.keep()
        await ask(admin, "DELETE", "/v1/rebuilds/2")
        assert (await admin.get("/v1/rebuilds/2/differences")).status_code == 404
        assert (await admin.delete("/v1/rebuilds/1")).status_code == 409
        assert (await admin.post("/v1/rebuilds/99/switch")).status_code == 404
    async with service.caller("boss") as boss:
        assert (await boss.post("/v1/rebuilds", json={})).status_code == 403


async def test_what_a_switch_would_change_is_listed_with_the_facts_behind_it(service: Any) -> None:
    """In another time zone, sales near midnight move to other months."""
    sales = History(41, facts=120, of=["order"]).events
    await fed(service, sales)
    async with service.pool.acquire() as connection, connection.transaction():
        await start_build(connection, terms_of(ELSEWHERE), to_go_live=False, asked_by="me")
    await service.keep(ELSEWHERE)
    async with service.caller("boss") as boss:
        compared = await every_item(boss, "/v1/rebuilds/2/differences")
        assert len({(item["kpi"], item["period"]) for item in compared}) == len(compared)
        revenue = [item for item in compared if item["kpi"] == "revenue_net"]
        assert revenue
        assert sum(item["difference"] for item in revenue) == 0, "all money stays in the year"
        item = revenue[0]
        asked = {"period": item["period"], "against_generation": 2}
        behind = await ask(boss, "GET", "/v1/kpis/revenue_net/differences", params=asked)
        facts = await every_item(boss, "/v1/kpis/revenue_net/differences", **asked)
        # Asked the other way round: what is in force, against the new figures.
        assert behind["before"]["row"]["value"] == item["after"]["value"]
        assert behind["after"]["row"]["value"] == item["before"]["value"]
        listed = sum(part(one["after"]) - part(one["before"]) for one in facts)
        assert listed == -item["difference"]
        by_team = await ask(boss, "GET", "/v1/rebuilds/2/differences", params={"by": "team"})
        assert all(one["dimensions"] for one in by_team["items"] if one["kpi"] == "revenue_net")
        refused = await boss.post("/v1/rebuilds/2/switch")
        assert refused.status_code == 403
    async with service.caller("admin") as admin:
        unknown = await admin.post("/v1/rebuilds/2/switch")
        assert unknown.json()["type"].endswith("definitions-not-known")


async def every_item(client: Any, path: str, **params: Any) -> list[Any]:
    items: list[Any] = []
    while True:
        page = await ask(client, "GET", path, params={"limit": 150, **params})
        items += page["items"]
        if page["next_cursor"] is None:
            return items
        params["cursor"] = page["next_cursor"]


def part(one: Any) -> Fraction:
    return Fraction(str((one or {}).get("numerator") or 0))
