from __future__ import annotations

import asyncio
import json
import re
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

House = Any
OVERVIEW = "/v1/customers/c1/overview"


def deal(status: str, amount: int | None, currency: str = "USD") -> dict[str, Any]:
    money = None if amount is None else {"amount_minor": amount, "currency": currency}
    return {"id": "d", "status": status, "amount": money}


def furnish(house: House) -> None:
    house.services["customer"].on("GET", "/v1/customers/c1", {"id": "c1", "name": "Acme"})
    house.services["ops"].on("GET", "/v1/projects", {"items": [{"id": "p1"}], "next_cursor": None})

    async def deals(request: Request) -> Response:
        assert request.query_params["customer_id"] == "c1"
        if request.query_params.get("cursor") == "2":
            return JSONResponse({"items": [deal("lost", None)], "next_cursor": None})
        items = [deal("won", 500), deal("won", 7, "EUR"), deal("open", 30), deal("open", None)]
        return JSONResponse({"items": items, "next_cursor": "2"})

    house.services["pipeline"].on("GET", "/v1/deals", deals)


async def test_whole_view_of_a_customer(house: House) -> None:
    furnish(house)
    answer = await house.client.get(OVERVIEW, headers=house.bearer("admin"))
    view = answer.json()
    assert answer.status_code == 200
    assert view["customer"]["name"] == "Acme"
    assert len(view["deals"]) == 5
    assert view["projects"] == [{"id": "p1"}]
    assert view["partial"] is False
    assert view["figures"] == {
        "deals_open": 2,
        "deals_won": 2,
        "deals_lost": 1,
        "win_rate": 2 / 3,
        "won": [
            {"amount_minor": 7, "currency": "EUR"},
            {"amount_minor": 500, "currency": "USD"},
        ],
        "open": [{"amount_minor": 30, "currency": "USD"}],
    }


async def test_slow_and_failing_sections_are_named_and_the_rest_is_answered_in_time(
    house: House,
) -> None:
    furnish(house)
    house.services["ops"].keep_waiting("GET", "/v1/projects")
    house.services["pipeline"].on("GET", "/v1/deals", {"title": "broken"}, status=500)
    began = asyncio.get_running_loop().time()
    answer = await house.client.get(OVERVIEW, headers=house.bearer("admin"))
    assert asyncio.get_running_loop().time() - began < 3
    view = answer.json()
    assert view["partial"] is True
    assert view["deals"] is view["projects"] is view["figures"] is None
    assert {gap["section"]: gap["reason"] for gap in view["missing"]} == {
        "deals": "the service pipeline answered 500",
        "projects": "the service ops did not answer in time",
        "figures": "they are made from the deals",
    }


async def test_customer_is_required(house: House) -> None:
    furnish(house)
    house.services["customer"].on("GET", "/v1/customers/c1", {"title": "not found"}, status=404)
    answer = await house.client.get(OVERVIEW, headers=house.bearer("admin"))
    assert answer.status_code == 404


async def test_sections_need_their_own_permissions(house: House) -> None:
    furnish(house)
    view = (await house.client.get(OVERVIEW, headers=house.bearer("ops_lead"))).json()
    assert view["deals"] is None
    assert view["missing"][0] == {
        "section": "deals",
        "reason": "this needs the permission deals:read",
    }
    assert not house.services["pipeline"].asked("/v1/deals")


async def test_parked_events_of_all_services_are_one_list(house: House) -> None:
    async def metrics(request: Request) -> Response:
        if request.query_params.get("cursor") == "next":
            return JSONResponse({"items": [{"id": 18}], "next_cursor": None})
        return JSONResponse({"items": [{"id": 17}], "next_cursor": "next"})

    house.services["metrics"].on("GET", "/v1/parked", metrics)
    house.services["pipeline"].on("GET", "/v1/parked", {"items": [{"id": 17}]})
    house.services["ops"].on("GET", "/v1/parked", {"items": []})
    headers = house.bearer("sre")
    first = (await house.client.get("/v1/parked?limit=1", headers=headers)).json()
    assert [item["id"] for item in first["items"]] == ["metrics:17", "pipeline:17"]
    rest = await house.client.get(
        "/v1/parked", params={"limit": 1, "cursor": first["next_cursor"]}, headers=headers
    )
    assert [item["id"] for item in rest.json()["items"]] == ["metrics:18"]
    assert rest.json()["next_cursor"] is None


async def test_parked_list_without_a_service_says_so(build_house: Any) -> None:
    async with build_house(pipeline_url="http://127.0.0.1:9") as house:
        for service in house.services.values():
            service.on("GET", "/v1/parked", {"items": []})
        answer = await house.client.get("/v1/parked", headers=house.bearer("sre"))
        assert answer.json()["partial"] is True
        assert answer.json()["missing"][0]["service"] == "pipeline"


async def test_acts_on_a_parked_event_go_to_its_service(house: House) -> None:
    house.services["pipeline"].on("POST", "/v1/parked/17/discard", {"id": 17, "reason": "x"})
    headers = house.bearer("sre")
    answer = await house.client.post(
        "/v1/parked/pipeline:17/discard", json={"reason": "broken"}, headers=headers
    )
    assert answer.json()["id"] == "pipeline:17"
    asked = house.services["pipeline"].asked("/v1/parked/17/discard")[0]
    assert json.loads(asked["body"]) == {"reason": "broken"}
    for nonsense in ("17", "customer:17", "pipeline:", "pipeline:../1", ":", "pipeline:17x"):
        answer = await house.client.get(f"/v1/parked/{nonsense}", headers=headers)
        assert answer.status_code == 404, nonsense
    for cursor in ("x", "e30", "bnVsbA", "eyJjdXN0b21lciI6IngifQ", "é"):
        answer = await house.client.get("/v1/parked", params={"cursor": cursor}, headers=headers)
        assert answer.status_code == 422, cursor


async def test_description_and_its_page_need_nobody_and_nothing_from_elsewhere(
    house: House,
) -> None:
    house.services["pipeline"].on("GET", "/openapi.json", {"paths": {"/v1/deals": {"get": {}}}})
    await house.app.state.parts.document.refresh()
    answer = await house.client.get("/v1/openapi.json")
    document = answer.json()
    assert document["openapi"] == "3.1.0"
    assert document["info"]["x-missing-services"] == ["customer", "metrics", "ops"]
    assert {"/v1/events", "/v1/kpis/stream", "/v1/customers/{customer_id}/overview"} <= set(
        document["paths"]
    )
    assert "/v1/deals" in document["paths"]
    known = {"If-None-Match": answer.headers["etag"]}
    assert (await house.client.get("/v1/openapi.json", headers=known)).status_code == 304
    events = await house.client.get("/v1/asyncapi.json")
    assert events.json()["asyncapi"] == "3.0.0"
    known = {"If-None-Match": events.headers["etag"]}
    assert (await house.client.get("/v1/asyncapi.json", headers=known)).status_code == 304
    for path in ("/docs", "/docs/events"):
        page = await house.client.get(path)
        assert "default-src 'none'" in page.headers["content-security-policy"]
        for asset in re.findall(r'(?:src|href)="([^"]+)"', page.text):
            assert asset.startswith("/")
            assert (await house.client.get(asset)).status_code == 200
