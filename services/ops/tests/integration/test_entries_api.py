"""Cost entries and time logs over HTTP, on a real database."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.asyncio(loop_scope="module")

RENT = {
    "kind": "operating",
    "category": "rent",
    "team": "north",
    "amount": {"amount_minor": 420_000, "currency": "CNY", "rate": "0.1408"},
    "incurred_on": "2026-01-25",
}
SHIFT = {"person_id": "ada", "work_date": "2026-01-25", "minutes": 480, "process": "support"}
TAG = {"If-Match": '"1"'}


async def created(client: httpx.AsyncClient, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = await client.post(path, json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def test_a_cost_is_recorded_corrected_and_voided(
    admin: httpx.AsyncClient, service: Any
) -> None:
    cost = await created(admin, "/v1/costs", {**RENT, "region": "North", "note": "two\nlines"})
    path = f"/v1/costs/{cost['id']}"
    corrected = await admin.patch(
        path, json={"amount": {"amount_minor": 1, "currency": "USD"}}, headers=TAG
    )
    assert corrected.json()["amount"]["rate"] is None
    voided = await admin.post(f"{path}/void", json={"reason": "entered twice"})
    assert voided.json()["void_reason"] == "entered twice"
    again = await admin.post(f"{path}/void", json={"reason": "entered twice"})
    assert again.status_code == 409

    events = await service.promised(cost["id"])
    assert [(version, kind) for version, kind, _ in events] == [
        (1, "cost.recorded"),
        (2, "cost.recorded"),
        (3, "cost.voided"),
    ]
    first = events[0][2]
    assert first["amount"] == {"amount_minor": 420_000, "currency": "CNY", "rate": "0.1408"}
    assert first["dimensions"] == {"team": "north", "region": "North"}
    assert "two" not in str(events)


async def test_a_cost_of_a_project_takes_its_team_and_needs_it(
    admin: httpx.AsyncClient, service: Any
) -> None:
    project = await created(admin, "/v1/projects", {"name": "x", "team": "south"})
    body = {**RENT, "kind": "project", "team": None}
    lost = await admin.post("/v1/costs", json=body)
    assert (lost.status_code, lost.json()["errors"][0]["field"]) == (422, "project_id")
    cost = await created(admin, "/v1/costs", {**body, "project_id": project["id"]})
    assert cost["team"] == "south"
    async with service.caller("ops_lead", "north") as lead:
        foreign = await lead.post("/v1/costs", json={**body, "project_id": project["id"]})
        assert foreign.status_code == 404


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"amount": {"amount_minor": -1, "currency": "CNY"}}, "amount.amount_minor"),
        ({"amount": {"amount_minor": 1, "currency": "CNY", "rate": "-1"}}, "amount.rate"),
        ({"amount": None}, "amount"),
        ({"kind": "fun"}, "kind"),
        ({"incurred_on": "2199-01-01"}, "incurred_on"),
        ({"incurred_on": "0000-00-00"}, "incurred_on"),
        ({"project_id": "nothing"}, "project_id"),
        ({"color": "red"}, "color"),
    ],
)
async def test_nonsense_costs_are_refused_by_field(
    admin: httpx.AsyncClient, change: Any, field: str
) -> None:
    answer = await admin.post("/v1/costs", json={**RENT, **change})
    assert answer.status_code in {404, 422}, answer.text
    assert field in {fault["field"] for fault in answer.json()["errors"]}


async def test_costs_are_listed_by_day_latest_first(admin: httpx.AsyncClient) -> None:
    days = ["2026-02-01", "2026-02-03", "2026-02-02"]
    for day in days:
        await created(admin, "/v1/costs", {**RENT, "category": "list", "incurred_on": day})
    params: dict[str, Any] = {
        "category": "list",
        "incurred_from": "2026-02-01",
        "incurred_to": "2026-02-03",
        "voided": "false",
        "limit": 1,
    }
    first = (await admin.get("/v1/costs", params=params)).json()
    second = (
        await admin.get("/v1/costs", params={**params, "cursor": first["next_cursor"]})
    ).json()
    assert [page["items"][0]["incurred_on"] for page in (first, second)] == days[2::-2]
    assert second["next_cursor"] is None
    assert (await admin.get("/v1/costs", params={"colour": "red"})).status_code == 422


async def test_entries_of_another_team_do_not_exist_for_the_caller(
    admin: httpx.AsyncClient, service: Any
) -> None:
    cost = await created(admin, "/v1/costs", {**RENT, "team": "south"})
    log = await created(admin, "/v1/time-logs", {**SHIFT, "person_id": "bob", "team": "south"})
    async with service.caller("ops_lead", "north") as lead:
        for method, url, body in (
            ("GET", f"/v1/costs/{cost['id']}", None),
            ("PATCH", f"/v1/costs/{cost['id']}", {"category": "x"}),
            ("POST", f"/v1/costs/{cost['id']}/void", {"reason": "x"}),
            ("GET", f"/v1/time-logs/{log['id']}", None),
            ("PATCH", f"/v1/time-logs/{log['id']}", {"minutes": 1}),
            ("POST", f"/v1/time-logs/{log['id']}/take-back", None),
        ):
            answer = await lead.request(method, url, json=body, headers=TAG)
            assert answer.status_code == 404, (method, url)
        for path in ("/v1/costs", "/v1/time-logs"):
            items = (await lead.get(path, params={"limit": 200})).json()["items"]
            assert {item["team"] for item in items} <= {"north", None}


async def test_a_time_log_is_entered_corrected_and_taken_back(
    admin: httpx.AsyncClient, service: Any
) -> None:
    log = await created(admin, "/v1/time-logs", {**SHIFT, "work_date": "2026-01-05"})
    path = f"/v1/time-logs/{log['id']}"
    await admin.patch(path, json={"minutes": 300}, headers=TAG)
    stale = await admin.patch(path, json={"minutes": 200}, headers=TAG)
    assert (stale.status_code, stale.json()["changed"]) == (412, ["minutes"])
    gone = await admin.post(f"{path}/take-back")
    assert gone.json()["taken_back_at"] is not None

    events = await service.promised(log["id"])
    assert [(version, payload["minutes"]) for version, _, payload in events] == [
        (1, 480),
        (2, 300),
        (3, None),
    ]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"minutes": 0}, "minutes"),
        ({"minutes": 1441}, "minutes"),
        ({"minutes": "60"}, "minutes"),
        ({"work_date": "2199-01-01"}, "work_date"),
        ({"process": None}, "project_id"),
        ({"project_id": "nothing"}, "project_id"),
    ],
)
async def test_nonsense_time_is_refused_by_field(
    admin: httpx.AsyncClient, change: Any, field: str
) -> None:
    answer = await admin.post("/v1/time-logs", json={**SHIFT, **change})
    assert answer.status_code in {404, 422}, answer.text
    assert field in {fault["field"] for fault in answer.json()["errors"]}


async def test_nobody_works_more_than_a_day_a_day(admin: httpx.AsyncClient) -> None:
    body = {**SHIFT, "person_id": "carol", "minutes": 500}
    answers = await asyncio.gather(*(admin.post("/v1/time-logs", json=body) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [201, 201, 409, 409, 409, 409]
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert "1000 minutes on 2026-01-25" in refused.json()["detail"]
    kept = [answer.json() for answer in answers if answer.status_code == 201]
    longer = await admin.patch(f"/v1/time-logs/{kept[0]['id']}", json={"minutes": 940}, headers=TAG)
    assert longer.status_code == 200
    await admin.post(f"/v1/time-logs/{kept[1]['id']}/take-back")
    assert (await admin.post("/v1/time-logs", json=body)).status_code == 201


async def test_permissions_are_kept(service: Any) -> None:
    async with service.caller("sales_rep", "north") as seller:
        assert (await seller.get("/v1/costs")).status_code == 403
        assert (await seller.post("/v1/projects", json={"name": "x"})).status_code == 403
    async with service.caller("boss") as boss:
        assert (await boss.get("/v1/costs")).status_code == 200
        assert (await boss.post("/v1/costs", json=RENT)).status_code == 403
