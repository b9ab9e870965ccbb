from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from .conftest import Service

pytestmark = pytest.mark.asyncio(loop_scope="module")

PERSON = {"name": "Grace Secret", "email": "grace@secret.example", "phone": "+1 555 0100"}


async def capture(client: httpx.AsyncClient, **fields: Any) -> str:
    answer = await client.post("/v1/leads", json=PERSON | {"channel": "web"} | fields)
    assert answer.status_code == 201, answer.text
    return str(answer.headers["location"])


async def qualified(client: httpx.AsyncClient, **fields: Any) -> str:
    path = await capture(client, **fields)
    assert (await client.post(f"{path}/qualify", json={})).status_code == 200
    return path


async def test_a_lead_goes_all_the_way_and_its_events_name_nobody(
    service: Service, admin: httpx.AsyncClient
) -> None:
    path = await capture(admin, team="north", product="gtx", campaign_id="c1")
    for step in ("contact", "qualify"):
        answer = await admin.post(f"{path}/{step}")
        assert answer.status_code == 200, answer.text
    answer = await admin.post(
        f"{path}/convert",
        json={"deal": {"amount": {"amount_minor": 5000, "currency": "USD"}}},
    )
    assert answer.status_code == 200, answer.text
    lead = answer.json()
    assert lead["status"] == "converted"
    assert answer.headers["etag"] == '"4"'

    told = await service.promised(lead["id"])
    assert [(version, kind) for version, kind, _ in told] == [
        (1, "lead.captured"),
        (2, "lead.contacted"),
        (3, "lead.qualified"),
        (4, "lead.converted"),
    ]
    assert told[3][2]["deal"] == {"amount_minor": 5000, "currency": "USD"}
    assert told[3][2]["lead"]["customer_id"] == lead["customer_id"]
    assert told[3][2]["lead"]["dimensions"] == {"team": "north", "channel": "web", "product": "gtx"}

    customer = (await admin.get(f"/v1/customers/{lead['customer_id']}")).json()
    assert (customer["name"], customer["team"], customer["channel"]) == (
        "Grace Secret",
        "north",
        "web",
    )
    registered = await service.promised(lead["customer_id"])
    assert [kind for _, kind, _ in registered] == ["customer.registered"]
    assert "secret" not in str(told + registered).lower()
    contact = await admin.get(f"/v1/customers/{customer['id']}/contacts/{lead['contact_id']}")
    assert contact.json()["email"] == PERSON["email"]


async def test_converting_twice_answers_the_same_and_makes_nothing_more(
    service: Service, admin: httpx.AsyncClient
) -> None:
    path = await qualified(admin)
    body = {"customer": {"name": "Grace Ltd"}, "deal": {}}
    answers = await asyncio.gather(
        *(admin.post(f"{path}/convert", json=body, headers={"If-Match": '"2"'}) for _ in range(10))
    )
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    lead = answers[0].json()
    assert len(await service.promised(lead["id"])) == 3
    made = await service.rows("SELECT 1 FROM customers WHERE name = 'Grace Ltd'")
    assert len(made) == 1
    other = await admin.post(f"{path}/convert", json={"deal": {"pipeline": "other"}})
    assert other.status_code == 409
    assert other.json()["customer_id"] == lead["customer_id"]


async def test_a_lead_can_become_an_existing_customer(admin: httpx.AsyncClient) -> None:
    customer = (await admin.post("/v1/customers", json={"name": "Known Ltd"})).json()
    path = await qualified(admin)
    lead = (await admin.post(f"{path}/convert", json={"customer_id": customer["id"]})).json()
    assert lead["customer_id"] == customer["id"]
    found = await admin.get("/v1/leads", params={"customer_id": customer["id"]})
    assert [item["id"] for item in found.json()["items"]] == [lead["id"]]


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"customer_id": "nobody"}, 422, "customer_id"),
        ({"customer_id": "a", "customer": {}}, 422, "customer_id"),
        ({"deal": {"amount": {"amount_minor": -1, "currency": "USD"}}}, 422, "deal.amount"),
        ({"customer": {"team": "a", "nmae": "b"}}, 422, "customer.nmae"),
        ({"customer": {"external_ref": "held"}}, 409, "external_ref"),
    ],
)
async def test_a_conversion_that_cannot_be_leaves_nothing(
    service: Service, admin: httpx.AsyncClient, body: Any, status: int, field: str
) -> None:
    await admin.post("/v1/customers", json={"name": "Holder", "external_ref": "held"})
    path = await qualified(admin)
    answer = await admin.post(f"{path}/convert", json=body)
    assert answer.status_code == status, answer.text
    assert answer.json()["errors"][0]["field"].startswith(field)
    lead = (await admin.get(path)).json()
    assert (lead["status"], lead["version"]) == ("qualified", 2)
    assert len(await service.promised(lead["id"])) == 2


async def test_a_lead_without_a_name_needs_one_for_its_customer(
    admin: httpx.AsyncClient,
) -> None:
    path = await qualified(admin, name=None)
    assert (await admin.post(f"{path}/convert", json={})).status_code == 422
    made = await admin.post(f"{path}/convert", json={"customer": {"name": "Now Ltd"}})
    assert made.status_code == 200
    assert made.json()["contact_id"] is None


async def test_steps_in_the_wrong_order_are_conflicts(admin: httpx.AsyncClient) -> None:
    path = await capture(admin)
    assert (await admin.post(f"{path}/convert", json={})).status_code == 409
    assert (await admin.post(f"{path}/contact", json={})).status_code == 200
    assert (await admin.post(f"{path}/contact", json={})).status_code == 409
    assert (await admin.post(f"{path}/disqualify", json={})).status_code == 422
    free_text = await admin.post(f"{path}/disqualify", json={"reason": "Ann Lee has left"})
    assert free_text.status_code == 422
    told = {"reason": "no_need", "note": "Ann Lee has left"}
    gone = await admin.post(f"{path}/disqualify", json=told)
    assert gone.json()["disqualified_reason"] == "no_need"
    assert gone.json()["disqualified_note"] == "Ann Lee has left"
    for step in ("contact", "qualify", "convert"):
        assert (await admin.post(f"{path}/{step}", json={})).status_code == 409


async def test_one_step_taken_by_many_at_once_is_taken_once(
    service: Service, admin: httpx.AsyncClient
) -> None:
    path = await capture(admin)
    answers = await asyncio.gather(
        *(admin.post(f"{path}/qualify", json={}) for _ in range(20)),
        *(admin.post(f"{path}/disqualify", json={"reason": "spam"}) for _ in range(20)),
    )
    assert {answer.status_code for answer in answers} == {200, 409}
    taken = [answer for answer in answers if answer.status_code == 200]
    versions = [version for version, _, _ in await service.promised(path.rpartition("/")[2])]
    assert versions == list(range(1, 2 + len(taken)))


async def test_a_stale_command_is_told_what_changed(admin: httpx.AsyncClient) -> None:
    path = await capture(admin)
    await admin.post(f"{path}/contact", json={}, headers={"If-Match": '"1"'})
    stale = await admin.post(f"{path}/qualify", json={}, headers={"If-Match": '"1"'})
    assert stale.status_code == 412
    assert stale.json()["changed"] == ["contacted_at", "status"]
    assert stale.json()["current"]["status"] == "contacted"


async def test_a_correction_is_told_to_others_without_the_person(
    service: Service, admin: httpx.AsyncClient
) -> None:
    path = await capture(admin)
    answer = await admin.patch(
        path, json={"channel": "fair", "name": "Grace Hidden"}, headers={"If-Match": '"1"'}
    )
    assert (answer.json()["channel"], answer.json()["name"]) == ("fair", "Grace Hidden")
    told = await service.promised(answer.json()["id"])
    assert told[1][1] == "lead.details_changed"
    assert "Hidden" not in str(told)


async def test_a_team_sees_only_its_own_leads(service: Service) -> None:
    async with (
        service.caller("sales_rep", teams=("north",)) as north,
        service.caller("sales_rep", teams=("south",)) as south,
    ):
        path = await capture(north, team="north")
        assert (await south.get(path)).status_code == 404
        patched = await south.patch(path, json={"name": "X"}, headers={"If-Match": '"1"'})
        assert patched.status_code == 404
        for step, body in (
            ("contact", {}),
            ("qualify", {}),
            ("disqualify", {"reason": "spam"}),
            ("convert", {}),
        ):
            assert (await south.post(f"{path}/{step}", json=body)).status_code == 404
        listed = (await south.get("/v1/leads", params={"team": "north"})).json()
        assert listed["items"] == []

        customer = (await north.post("/v1/customers", json={"name": "N", "team": "north"})).json()
        mine = await qualified(south, team="south")
        stolen = await south.post(f"{mine}/convert", json={"customer_id": customer["id"]})
        assert stolen.status_code == 422
        given = await south.post(f"{mine}/convert", json={"customer": {"team": "north"}})
        assert given.status_code == 403


async def test_history_keeps_its_dates_and_its_order(service: Service) -> None:
    async with service.caller("importer") as importer, service.caller("sales_rep") as rep:
        path = await capture(importer, occurred_at="2017-01-01T09:00:00+08:00")
        early = await importer.post(f"{path}/contact", json={"occurred_at": "2016-12-31T00:00:00Z"})
        assert early.status_code == 422
        assert early.json()["errors"][0]["field"] == "occurred_at"
        refused = await rep.post(f"{path}/contact", json={"occurred_at": "2017-01-02T00:00:00Z"})
        assert refused.status_code == 403
        lead = await importer.post(f"{path}/contact", json={"occurred_at": "2017-01-02T00:00:00Z"})
        assert lead.json()["captured_at"] == "2017-01-01T01:00:00Z"
        assert lead.json()["contacted_at"] == "2017-01-02T00:00:00Z"
        rows = await service.rows(
            "SELECT occurred_at, recorded_at FROM outbox WHERE aggregateid = $1 ORDER BY id",
            path.rpartition("/")[2],
        )
        assert [row["occurred_at"].year for row in rows] == [2017, 2017]
        assert all(row["recorded_at"].year > 2017 for row in rows)


async def test_leads_are_listed_by_status_and_day_of_capture(service: Service) -> None:
    async with service.caller("importer") as importer:
        for day in (1, 2, 3):
            await capture(importer, sector="by-day", occurred_at=f"2017-05-0{day}T00:00:00Z")
        found = await importer.get(
            "/v1/leads",
            params={
                "sector": "by-day",
                "status": "new",
                "captured_from": "2017-05-02T00:00:00Z",
                "captured_until": "2017-05-03T00:00:00Z",
            },
        )
        assert [item["captured_at"] for item in found.json()["items"]] == ["2017-05-02T00:00:00Z"]
        wrong = await importer.get("/v1/leads", params={"status": "lost"})
        assert wrong.status_code == 422
