"""Targets: one for each KPI, scope and period, with revisions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Caller, Json, Service

pytestmark = pytest.mark.asyncio(loop_scope="module")

TARGET: Json = {
    "kpi": "revenue_net",
    "scope": "team",
    "scope_value": "north-1",
    "period": "2026-Q1",
    "value": 100_000,
    "currency": "USD",
}


async def test_a_target_is_set_revised_and_withdrawn(
    service: Service, admin: Caller, company: Json
) -> None:
    made = await admin.created("targets", TARGET)
    path = f"/v1/targets/{made['id']}"
    again = await admin.post("/v1/targets", json=TARGET)
    assert again.status_code == 409
    assert (await admin.patch(path, json={"value": 1})).status_code == 428
    for version, value in enumerate((200_000, None, None), start=1):
        answer = await admin.patch(
            path, json={"value": value}, headers={"If-Match": f'"{min(version, 3)}"'}
        )
        assert answer.status_code == 200, answer.text
    promised = await service.promised(made["id"])
    assert [(version, body.get("value")) for version, _, body in promised] == [
        (1, 100_000),
        (2, 200_000),
        (3, None),
    ]
    assert promised[1][2] == {**TARGET, "target_id": made["id"], "value": 200_000}


async def test_targets_come_in_once(service: Service, admin: Caller, company: Json) -> None:
    company_wide: Json = {
        "external_ref": "t-company",
        "kpi": "revenue_net",
        "scope": "company",
        "period": "2026",
        "value": 5,
        "currency": "USD",
    }
    person: Json = company_wide | {
        "external_ref": "t-person",
        "scope": "owner",
        "scope_value": company["north-1"],
    }
    statuses = [
        [result["status"] for result in await admin.imported("targets", rows)]
        for rows in (
            [company_wide, person],
            [company_wide, person],
            [company_wide | {"value": 6}, person],
            [company_wide | {"external_ref": "another"}, person | {"period": "2027"}],
        )
    ]
    assert statuses == [
        ["created", "created"],
        ["unchanged", "unchanged"],
        ["updated", "unchanged"],
        ["rejected", "rejected"],
    ]


async def test_a_target_of_two_dimensions_is_one_however_they_are_ordered(
    service: Service, admin: Caller, company: Json
) -> None:
    pair: Json = TARGET | {
        "scope": "team",
        "scope_value": "north-1",
        "period": "2035",
        "second_scope": "region",
        "second_scope_value": "Central",
    }
    turned = pair | {
        "scope": "region",
        "scope_value": "Central",
        "second_scope": "team",
        "second_scope_value": "north-1",
    }
    made = await admin.created("targets", pair)
    assert made["team"] == "north-1"
    assert (await admin.post("/v1/targets", json=turned)).status_code == 409
    [(_, _, event)] = await service.promised(made["id"])
    assert event == {**turned, "target_id": made["id"]}

    alone = await admin.created("targets", TARGET | {"period": "2035"})
    for asked, found in (
        ({"scope": "team", "scope_value": "north-1"}, [made["id"], alone["id"]]),
        ({"scope": "region"}, [made["id"]]),
        ({"scope": "region", "second_scope": "team"}, [made["id"]]),
        ({"scope": "region", "second_scope": "product"}, []),
    ):
        listed = await admin.get("/v1/targets", params={"period": "2035", **asked})
        assert [one["id"] for one in listed.json()["items"]] == found


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"second_scope": "region"}, "second_scope_value"),
        ({"second_scope_value": "Central"}, "second_scope"),
        ({"second_scope": "team", "second_scope_value": "north-1"}, "second_scope"),
        ({"second_scope": "company", "second_scope_value": "x"}, "second_scope"),
        ({"second_scope": "product", "second_scope_value": "nothing"}, "second_scope_value"),
        ({"scope": "company", "scope_value": None, "second_scope": "region",
          "second_scope_value": "Central"}, "second_scope"),
    ],
)  # fmt: skip
async def test_a_wrong_pair_is_refused(
    admin: Caller, company: Json, wrong: Json, field: str
) -> None:
    answer = await admin.post("/v1/targets", json=TARGET | {"period": "2034"} | wrong)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


async def test_a_dry_run_sets_nothing(admin: Caller, company: Json) -> None:
    row = TARGET | {"external_ref": "dry", "period": "2031"}
    for _ in range(2):
        (result,) = await admin.imported("targets", [row], dry_run=True)
        assert result["status"] == "created"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"period": "2026-Q5"}, "period"),
        ({"period": "26"}, "period"),
        ({"scope": "planet"}, "scope"),
        ({"scope": "company"}, "scope_value"),
        ({"scope_value": None}, "scope_value"),
        ({"scope_value": "nobody"}, "scope_value"),
        ({"scope": "owner", "scope_value": "nobody"}, "scope_value"),
        ({"scope": "product", "scope_value": "nothing"}, "scope_value"),
        ({"value": 1.5}, "value"),
        ({"value": 10**18}, "value"),
        ({"currency": "dollars"}, "currency"),
    ],
)
async def test_nonsense_is_refused_by_the_name_of_its_field(
    admin: Caller, company: Json, wrong: Json, field: str
) -> None:
    body = TARGET | {"period": "2030"} | wrong
    answer = await admin.post("/v1/targets", json=body)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
    (result,) = await admin.imported("targets", [body | {"external_ref": "bad"}])
    assert result["problem"]["errors"][0]["field"] == field


async def test_targets_of_other_teams_do_not_exist(
    service: Service, admin: Caller, company: Json
) -> None:
    made = await admin.created("targets", TARGET | {"period": "2033"})
    wide = await admin.created(
        "targets", TARGET | {"period": "2033", "scope": "region", "scope_value": "North"}
    )
    path = f"/v1/targets/{made['id']}"
    async with service.caller("sales_lead", "south-1") as stranger:
        seen = [one["id"] for one in (await stranger.get("/v1/targets?limit=200")).json()["items"]]
        assert made["id"] not in seen
        assert wide["id"] in seen
        assert (await stranger.get(path)).status_code == 404
        etag = {"If-Match": '"1"'}
        assert (await stranger.patch(path, json={"value": 1}, headers=etag)).status_code == 404
        region = f"/v1/targets/{wide['id']}"
        assert (await stranger.patch(region, json={"value": 1}, headers=etag)).status_code == 403
        put = await stranger.post("/v1/targets", json=TARGET | {"period": "2034"})
        assert put.status_code == 403
        own = TARGET | {"period": "2034", "scope_value": "south-1"}
        assert (await stranger.post("/v1/targets", json=own)).status_code == 201
