"""Teams, people, products and pipelines: made, changed from a known version, imported once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Caller, Json, Service

pytestmark = pytest.mark.asyncio(loop_scope="module")

IDENTITIES: dict[str, Json] = {
    "teams": {"code": "t", "name": "T", "region": "West"},
    "products": {"code": "p", "name": "P", "list_price": {"amount_minor": 1, "currency": "USD"}},
    "people": {"external_ref": "x", "name": "X", "team": "north-1"},
}


async def test_the_standard_pipeline_is_there_from_the_start(admin: Caller, company: Json) -> None:
    found = (await admin.get("/v1/pipelines/standard")).json()
    assert [stage["type"] for stage in found["stages"]] == [
        "open",
        "open",
        "open",
        "hold",
        "won",
        "lost",
    ]
    assert found["name"]["zh"] == "标准"


@pytest.mark.parametrize("collection", list(IDENTITIES))
async def test_rows_are_created_then_unchanged_then_updated(
    admin: Caller, company: Json, collection: str
) -> None:
    row = IDENTITIES[collection]
    statuses = []
    for sent in (row, row, row | {"name": "renamed"}, row | {"colour": "red"}):
        (result,) = await admin.imported(collection, [sent])
        statuses.append(result["status"])
    assert statuses == ["created", "unchanged", "updated", "rejected"]


@pytest.mark.parametrize("collection", list(IDENTITIES))
async def test_a_dry_run_of_reference_data_leaves_nothing(
    admin: Caller, company: Json, collection: str
) -> None:
    key = "external_ref" if collection == "people" else "code"
    row = IDENTITIES[collection] | {key: "only a rehearsal"}
    for _ in range(2):
        (result,) = await admin.imported(collection, [row], dry_run=True)
        assert result["status"] == "created"


@pytest.mark.parametrize("collection", ["teams", "products", "people"])
async def test_a_change_needs_the_version_and_what_is_left_out_stays(
    admin: Caller, company: Json, collection: str
) -> None:
    key = "external_ref" if collection == "people" else "code"
    made = await admin.created(collection, IDENTITIES[collection] | {key: "patched"})
    path = f"/v1/{collection}/{made['id']}"
    assert (await admin.patch(path, json={"name": "N"})).status_code == 428
    changed = await admin.patch(path, json={"name": "N"}, headers={"If-Match": '"1"'})
    assert changed.json() == made | {"name": "N", "version": 2}
    stale = await admin.patch(path, json={"name": "M"}, headers={"If-Match": '"1"'})
    assert (stale.status_code, stale.json()["current"]["name"]) == (412, "N")
    assert (await admin.get(path)).json() == changed.json()
    again = await admin.post(f"/v1/{collection}", json=IDENTITIES[collection] | {key: "patched"})
    assert again.status_code == 409
    for null in ({"name": None}, {"name": ""}, {"version": 7}):
        refused = await admin.patch(path, json=null, headers={"If-Match": '"2"'})
        assert refused.status_code == 422


async def test_who_sells_where_is_told_with_every_version_and_never_a_name(
    service: Service, admin: Caller, company: Json
) -> None:
    team = await admin.created("teams", {"code": "told", "name": "T", "region": "West"})
    person = await admin.created("people", {"name": "A", "team": "told", "external_ref": "told"})
    moved = {"region": "East"}
    await admin.patch("/v1/teams/told", json=moved, headers={"If-Match": '"1"'})
    await admin.patch("/v1/teams/told", json=moved, headers={"If-Match": '"2"'})
    await admin.imported("teams", [{"code": "told", "name": "Renamed"}], dry_run=True)
    await admin.imported("teams", [{"code": "told", "name": "Renamed"}])
    row = {"external_ref": "told", "name": "A", "team": "north-1"}
    await admin.imported("people", [row])
    await admin.imported("people", [row])
    assert await service.promised("told") == [
        (1, "team.changed", {"team": "told", "region": "West"}),
        (2, "team.changed", {"team": "told", "region": "East"}),
        (3, "team.changed", {"team": "told", "region": "East"}),
    ]
    assert team["version"] == 1
    assert await service.promised(person["id"]) == [
        (1, "person.changed", {"person_id": person["id"], "team": "told"}),
        (2, "person.changed", {"person_id": person["id"], "team": "north-1"}),
    ]


async def test_people_are_found_by_ids_and_by_external_refs(admin: Caller, company: Json) -> None:
    ids = ",".join((company["north-1"], company["south-1"], "nobody"))
    by_ids = (await admin.get("/v1/people", params={"ids": ids})).json()["items"]
    assert {one["id"] for one in by_ids} == {company["north-1"], company["south-1"]}
    by_ref = (await admin.get("/v1/people?external_ref=p-north-1")).json()["items"]
    assert [one["id"] for one in by_ref] == [company["north-1"]]


async def test_a_person_of_an_unknown_team_is_refused(admin: Caller, company: Json) -> None:
    answer = await admin.post("/v1/people", json={"name": "A", "team": "nobody"})
    assert answer.json()["errors"][0]["field"] == "team"
    (result,) = await admin.imported(
        "people", [{"external_ref": "a", "name": "A", "team": "nobody"}]
    )
    assert result["problem"]["errors"][0]["field"] == "team"


async def test_reading_and_writing_need_their_permissions(service: Service, company: Json) -> None:
    async with service.caller("sales_rep", "north-1") as rep:
        assert (await rep.get("/v1/teams")).status_code == 200
        assert (await rep.post("/v1/teams", json=IDENTITIES["teams"])).status_code == 403
    async with service.caller("partner") as partner:
        for collection in ("teams", "people", "products", "pipelines", "deals", "targets"):
            assert (await partner.get(f"/v1/{collection}")).status_code == 403


@pytest.mark.parametrize(
    "wrong",
    [
        {"stages": []},
        {"name": {}},
        {"rules": {"allow_flight": True}},
        {"stages": [{"code": "a", "name": {"en": "A"}, "order": 1, "type": "open"}]},
    ],
)
async def test_a_pipeline_that_makes_no_sense_is_refused(
    admin: Caller, company: Json, wrong: Json
) -> None:
    standard = (await admin.get("/v1/pipelines/standard")).json()
    body = {name: standard[name] for name in ("name", "stages", "rules")} | {"code": "odd"} | wrong
    assert (await admin.post("/v1/pipelines", json=body)).status_code == 422
    assert (await admin.get("/v1/pipelines/odd")).status_code == 404


async def test_two_won_stages_are_named_in_the_refusal(admin: Caller, company: Json) -> None:
    standard = (await admin.get("/v1/pipelines/standard")).json()
    second = standard["stages"][4] | {"code": "won_again", "order": 99}
    body = {"code": "odd", "name": {"en": "Odd"}, "stages": [*standard["stages"], second]}
    for problem in (
        (await admin.post("/v1/pipelines", json=body)).json(),
        (await admin.imported("pipelines", [body]))[0]["problem"],
    ):
        assert "2 stages of type won" in problem["detail"]


async def test_a_stage_with_deals_stays_and_one_without_may_go(
    admin: Caller, company: Json
) -> None:
    standard = (await admin.get("/v1/pipelines/standard")).json()
    body = {"code": "shrinks", "name": {"en": "Shrinks"}, "stages": standard["stages"]}
    (made,) = await admin.imported("pipelines", [body])
    assert made["status"] == "created"
    deal = await admin.created("deals", {"pipeline": "shrinks", "stage": "qualified"})
    await admin.commanded(deal, "lose", {"reason": "fit"})
    without_first = body | {"stages": standard["stages"][1:]}
    (kept,) = await admin.imported("pipelines", [without_first])
    assert (kept["status"], "1 deals" in kept["problem"]["detail"]) == ("rejected", True)
    without_second = [stage for stage in standard["stages"] if stage["code"] != "proposal"]
    gone = await admin.patch(
        "/v1/pipelines/shrinks", json={"stages": without_second}, headers={"If-Match": '"1"'}
    )
    assert (gone.status_code, gone.json()["version"]) == (200, 2)
    lost = (await admin.get(f"/v1/deals/{deal['id']}")).json()
    again = await admin.commanded(lost, "reopen", {"reason": "still there"})
    assert again["stage"] == "qualified"
