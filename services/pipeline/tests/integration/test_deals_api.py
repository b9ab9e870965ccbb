"""Deals over HTTP: the whole way of one, and what is refused on it."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .conftest import Caller, Json, Service

pytestmark = pytest.mark.asyncio(loop_scope="module")

USD_100 = {"amount_minor": 10_000, "currency": "USD"}


async def test_a_deal_is_opened_moved_priced_and_won(
    service: Service, admin: Caller, company: Json
) -> None:
    owners = [{"owner_id": company["north-1"], "weight_bp": 10_000}]
    deal = await admin.created(
        "deals", {"pipeline": "strict", "owners": owners, "customer_id": "c1", "product": "kit"}
    )
    assert (deal["stage"], deal["team"]) == ("talk", "north-1")
    assert deal["list_value"]["amount_minor"] == 55_000
    deal = await admin.commanded(deal, "amount", {"amount": USD_100})
    deal = await admin.commanded(deal, "move", {"stage": "offer"})
    deal = await admin.commanded(deal, "move", {"stage": "close"})
    deal = await admin.commanded(deal, "win")
    assert (deal["status"], deal["version"], deal["stage_rank"]) == ("won", 5, 3)
    assert deal["closed_at"] is not None
    promised = await service.promised(deal["id"])
    assert [(version, kind) for version, kind, _ in promised] == [
        (1, "deal.created"),
        (2, "deal.amount_changed"),
        (3, "deal.stage_changed"),
        (4, "deal.stage_changed"),
        (5, "deal.won"),
    ]
    assert promised[-1][2]["deal"]["dimensions"] == {
        "team": "north-1",
        "channel": "web",
        "segment": "small",
        "sector": "retail",
        "region": "North",
        "product": "kit",
    }
    history = (await admin.get(f"/v1/deals/{deal['id']}/history")).json()
    stays = history["stages"]
    assert [stay["stage"] for stay in stays] == ["talk", "offer", "close", "won"]
    for stay, following in pairwise(stays):
        assert stay["left_at"] == following["entered_at"]
    assert stays[-1]["left_at"] is None
    assert history["changes"][1]["changed"]["amount"][1]["amount_minor"] == 10_000


async def test_a_lost_deal_is_reopened_and_deleted(
    service: Service, admin: Caller, company: Json
) -> None:
    deal = await admin.created("deals", {"pipeline": "strict"})
    refused = await admin.give(deal, "lose", {"reason": "other"})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "note"
    deal = await admin.commanded(deal, "lose", {"reason": "other", "note": "flood\nand fire"})
    assert (deal["status"], deal["stage"]) == ("lost", "lost")
    deal = await admin.commanded(deal, "reopen", {"reason": "they called"})
    assert (deal["status"], deal["episode"], deal["closed_at"]) == ("open", 2, None)
    gone = await admin.delete(
        f"/v1/deals/{deal['id']}?reason=entered%20twice", headers={"If-Match": '"3"'}
    )
    assert gone.status_code == 200, gone.text
    assert (await admin.get(f"/v1/deals/{deal['id']}")).status_code == 404
    deleted = (await admin.get("/v1/deals?status=deleted")).json()["items"]
    assert deal["id"] in [one["id"] for one in deleted]
    history = (await admin.get(f"/v1/deals/{deal['id']}/history")).json()
    assert history["changes"][-1]["reason"] == "entered twice"
    assert history["stages"][-1]["left_at"] is not None
    kinds = [kind for _, kind, _ in await service.promised(deal["id"])]
    assert kinds == ["deal.created", "deal.lost", "deal.reopened", "deal.deleted"]
    assert "flood" not in str(await service.promised(deal["id"]))


async def test_winning_needs_a_customer_and_the_stages_between(
    service: Service, admin: Caller, company: Json
) -> None:
    deal = await admin.created("deals", {"pipeline": "strict", "amount": USD_100})
    refused = await admin.give(deal, "win")
    assert refused.status_code == 409
    assert "customer" in refused.json()["detail"]
    answer = await admin.patch(
        f"/v1/deals/{deal['id']}", json={"customer_id": "c1"}, headers={"If-Match": '"1"'}
    )
    deal = answer.json()
    assert deal["dimensions"]["segment"] == "small"
    refused = await admin.give(deal, "win")
    assert (refused.status_code, "offer, close" in refused.json()["detail"]) == (409, True)
    deal = await admin.commanded(deal, "win", {"override_reason": "walk-in"})
    assert (await service.promised(deal["id"]))[-1][2]["overridden"] is True
    history = (await admin.get(f"/v1/deals/{deal['id']}/history")).json()
    assert history["stages"][-1]["override_reason"] == "walk-in"


async def test_overriding_and_writing_history_need_permissions(
    service: Service, company: Json
) -> None:
    async with service.caller("sales_rep", "north-1") as rep:
        deal = await rep.created("deals", {"pipeline": "strict", "team": "north-1"})
        over = await rep.give(deal, "move", {"stage": "close", "override_reason": "please"})
        past = await rep.give(
            deal, "lose", {"reason": "price", "occurred_at": "2020-01-01T00:00:00Z"}
        )
    assert (over.status_code, past.status_code) == (403, 403)
    assert (await service.rows("SELECT version FROM deals WHERE id = $1", deal["id"]))[0][0] == 1


async def test_history_is_written_in_order_and_not_into_the_future(
    admin: Caller, company: Json
) -> None:
    deal = await admin.created("deals", {"occurred_at": "2020-05-01T08:00:00+08:00"})
    assert deal["created_at"] == "2020-05-01T00:00:00Z"
    for moment, status in (
        ("2020-04-30T23:59:59Z", 422),
        ("2199-01-01T00:00:00Z", 422),
        ("0000-01-01T00:00:00Z", 422),
        ("2020-05-01T00:00:00Z", 200),
    ):
        answer = await admin.give(deal, "lose", {"reason": "price", "occurred_at": moment})
        assert answer.status_code == status, (moment, answer.text)


async def test_a_change_names_the_version_that_it_was_made_from(
    admin: Caller, company: Json
) -> None:
    deal = await admin.created("deals", {"amount": USD_100})
    missing = await admin.post(f"/v1/deals/{deal['id']}/lose", json={"reason": "price"})
    assert missing.status_code == 428
    await admin.commanded(deal, "amount", {"amount": {"amount_minor": 7, "currency": "USD"}})
    stale = await admin.give(deal, "lose", {"reason": "price"})
    problem = stale.json()
    assert stale.status_code == 412
    assert problem["current"]["amount"]["amount_minor"] == 7
    assert problem["changed"] == ["amount"]
    assert problem["changes"][0]["yours"]["amount_minor"] == 10_000


async def test_of_a_hundred_edits_at_once_from_one_version_one_is_taken(
    service: Service, admin: Caller, company: Json
) -> None:
    deal = await admin.created("deals", {})

    async def edit(number: int) -> int:
        body = {"amount": {"amount_minor": number, "currency": "USD"}}
        return (await admin.give(deal, "amount", body)).status_code

    statuses = await asyncio.gather(*(edit(number) for number in range(100)))
    assert sorted(statuses) == [200] + [412] * 99
    assert [version for version, _, _ in await service.promised(deal["id"])] == [1, 2]


async def test_edits_that_try_again_after_a_conflict_all_land_once(
    service: Service, admin: Caller, company: Json
) -> None:
    deal = await admin.created("deals", {})

    async def insist(number: int) -> None:
        version = 1
        while True:
            body = {"amount": {"amount_minor": number, "currency": "USD"}}
            answer = await admin.give(deal, "amount", body, version=version)
            if answer.status_code == 200:
                return
            assert answer.status_code == 412
            version = answer.json()["version"]

    await asyncio.gather(*(insist(number) for number in range(1, 11)))
    versions = [version for version, _, _ in await service.promised(deal["id"])]
    assert versions == list(range(1, 12))


async def test_a_deal_of_another_team_does_not_exist(
    service: Service, admin: Caller, company: Json
) -> None:
    deal = await admin.created("deals", {"team": "north-1"})
    path = f"/v1/deals/{deal['id']}"
    etag = {"If-Match": '"1"'}
    async with service.caller("sales_lead", "south-1") as stranger:
        answers = [
            await stranger.get(path),
            await stranger.get(f"{path}/history"),
            await stranger.patch(path, json={"name": "mine"}, headers=etag),
            await stranger.delete(f"{path}?reason=x", headers=etag),
            await stranger.give(deal, "move", {"stage": "proposal"}),
            await stranger.give(deal, "amount", {"amount": None}),
            await stranger.give(deal, "reassign", {"owners": []}),
            await stranger.give(deal, "win"),
            await stranger.give(deal, "lose", {"reason": "price"}),
            await stranger.give(deal, "reopen", {"reason": "x"}),
        ]
        assert [answer.status_code for answer in answers] == [404] * len(answers)
        for query in ("", "?team=north-1"):
            listed = (await stranger.get(f"/v1/deals{query}")).json()["items"]
            assert deal["id"] not in [one["id"] for one in listed]
        put = await stranger.post("/v1/deals", json={"team": "north-1"})
        assert put.status_code == 403
    async with service.caller("boss") as boss:
        assert (await boss.get(path)).status_code == 200
        assert (await boss.give(deal, "win")).status_code == 403


async def test_a_deal_is_not_given_away_to_a_team_that_the_giver_does_not_see(
    service: Service, company: Json
) -> None:
    async with service.caller("sales_rep", "north-1") as rep:
        deal = await rep.created("deals", {"team": "north-1"})
        answer = await rep.give(deal, "reassign", {"owners": [], "team": "south-1"})
    assert answer.status_code == 403


async def test_owners_share_by_weights_that_make_the_whole(
    service: Service, admin: Caller, company: Json
) -> None:
    deal = await admin.created("deals", {})
    both = [
        {"owner_id": company["north-1"], "weight_bp": 7_000},
        {"owner_id": company["south-1"], "weight_bp": 2_000},
    ]
    refused = await admin.give(deal, "reassign", {"owners": both})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "owners")
    both[1]["weight_bp"] = 3_000
    deal = await admin.commanded(deal, "reassign", {"owners": both, "team": "south-1"})
    assert deal["dimensions"]["region"] == "South"
    by_owner = (await admin.get(f"/v1/deals?owner={company['south-1']}")).json()["items"]
    assert [one["id"] for one in by_owner] == [deal["id"]]
    nobody = [{"owner_id": "nobody", "weight_bp": 10_000}]
    unknown = await admin.give(deal, "reassign", {"owners": nobody})
    assert unknown.json()["errors"][0]["field"] == "owners.0.owner_id"


async def test_foreign_money_carries_a_dated_rate_or_none(
    service: Service, admin: Caller, company: Json
) -> None:
    euros = {"amount_minor": 100, "currency": "EUR"}
    unpriced = await admin.created("deals", {"amount": euros})
    assert unpriced["amount"]["rate"] is None
    priced = await admin.created(
        "deals",
        {"amount": euros | {"rate": "1.1"}, "occurred_at": "2020-01-01T17:00:00Z"},
    )
    assert priced["amount"]["rate_on"] == "2020-01-02"  # already the next day in Shanghai
    for wrong in (
        {"rate": "0"},
        {"rate": "1e5"},
        {"rate_on": "2020-01-01"},
        {"rate": "2", "currency": "USD"},
        {"amount_minor": -1},
        {"amount_minor": 1.5},
        {"amount_minor": 10**16},
        {"currency": "usd"},
    ):
        answer = await admin.post("/v1/deals", json={"amount": euros | wrong})
        assert answer.status_code == 422, (wrong, answer.text)
        assert answer.json()["errors"][0]["field"].startswith("amount"), answer.text


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"stage": "nowhere"}, "stage"),
        ({"pipeline": "nowhere"}, "pipeline"),
        ({"customer_id": "nobody"}, "customer_id"),
        ({"lead_id": "nobody"}, "lead_id"),
        ({"product": "nothing"}, "product"),
        ({"team": "nobody"}, "team"),
        ({"colour": "red"}, "colour"),
        ({"name": "a\u0000b"}, "name"),
        ({"name": 5}, "name"),
        ({"expected_close_on": "2026-02-30"}, "expected_close_on"),
        ({"stage": "won"}, "stage"),
    ],
)
async def test_nonsense_is_refused_by_the_name_of_its_field(
    service: Service, admin: Caller, company: Json, body: Json, field: str
) -> None:
    before = (await service.rows("SELECT count(*) FROM deals"))[0][0]
    answer = await admin.post("/v1/deals", json=body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["field"] == field
    assert (await service.rows("SELECT count(*) FROM deals"))[0][0] == before


@pytest.mark.parametrize("raw", [b"", b"{", b'{"name": NaN}', b'{"name": "\xff"}', b"[1e400]"])
async def test_what_cannot_be_read_is_refused(admin: Caller, company: Json, raw: bytes) -> None:
    answer = await admin.post(
        "/v1/deals", content=raw, headers={"content-type": "application/json"}
    )
    assert answer.status_code in {400, 422}


async def test_a_lead_makes_at_most_one_deal(
    service: Service, admin: Caller, company: Json
) -> None:
    await service.knows_lead("l-once")
    deal = await admin.created("deals", {"lead_id": "l-once"})
    again = await admin.post("/v1/deals", json={"lead_id": "l-once"})
    assert again.status_code == 409
    found = (await admin.get("/v1/deals?lead_id=l-once")).json()["items"]
    assert [one["id"] for one in found] == [deal["id"]]


async def test_lists_are_paged_and_filtered(admin: Caller, company: Json) -> None:
    for number in range(5):
        await admin.created(
            "deals", {"name": f"page {number}", "customer_id": "c1", "pipeline": "strict"}
        )
    seen: list[Any] = []
    query: dict[str, Any] = {"customer_id": "c1", "status": "open", "stage": "talk", "limit": 2}
    while True:
        page = (await admin.get("/v1/deals", params=query)).json()
        seen += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert len(seen) == len(set(seen)) >= 5
    forged = await admin.get("/v1/deals", params=query | {"stage": "offer"})
    assert forged.status_code == 422


async def test_a_change_that_changes_nothing_makes_no_version(
    service: Service, admin: Caller, company: Json
) -> None:
    deal = await admin.created("deals", {"name": "same", "amount": USD_100})
    same = await admin.commanded(deal, "amount", {"amount": USD_100})
    answer = await admin.patch(
        f"/v1/deals/{deal['id']}", json={"name": "same"}, headers={"If-Match": '"1"'}
    )
    assert (same["version"], answer.json()["version"]) == (1, 1)
    assert len(await service.promised(deal["id"])) == 1


async def test_pushing_the_close_date_is_counted(admin: Caller, company: Json) -> None:
    deal = await admin.created("deals", {"expected_close_on": "2026-05-01"})
    for day in ("2026-06-01", "2026-05-15", "2026-07-01"):
        answer = await admin.patch(
            f"/v1/deals/{deal['id']}",
            json={"expected_close_on": day},
            headers={"If-Match": f'"{deal["version"]}"'},
        )
        deal = answer.json()
    assert deal["close_date_pushes"] == 2


async def test_a_deal_without_owner_or_team_belongs_to_the_one_team_of_who_opens_it(
    service: Service, company: Json
) -> None:
    async with service.caller("sales_rep", "north-1") as rep:
        assert (await rep.created("deals", {}))["team"] == "north-1"
    async with service.caller("sales_rep", "north-1", "south-1") as rep:
        assert (await rep.created("deals", {}))["team"] is None


async def test_a_deal_is_won_without_a_body(admin: Caller, company: Json) -> None:
    deal = await admin.created("deals", {"customer_id": "c1"})
    answer = await admin.post(f"/v1/deals/{deal['id']}/win", headers={"If-Match": '"1"'})
    assert (answer.status_code, answer.json()["status"]) == (200, "won")


async def test_an_outer_name_opens_one_deal_however_many_try_at_once(
    service: Service, admin: Caller, company: Json
) -> None:
    await service.knows_lead("l-race")
    body = {"external_ref": "race", "lead_id": "l-race"}
    answers = await asyncio.gather(
        *(admin.post("/v1/deals", json=body) for _ in range(8)),
        *(admin.post("/v1/deals/import", json={"rows": [body]}) for _ in range(2)),
    )
    assert {answer.status_code for answer in answers} <= {200, 201, 409}
    found = await service.rows("SELECT count(*) FROM deals WHERE external_ref = 'race'")
    assert found[0][0] == 1
