"""Somebody's history becomes deals: once, at its own dates, by the rules of single commands."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .conftest import Caller, Json, Service

pytestmark = pytest.mark.asyncio(loop_scope="module")

CRM_SALES = Path(__file__).parents[5] / "shared" / "data" / "crm_sales"

WON: Json = {
    "owner_ref": "p-north-1",
    "stage": "won",
    "outcome": "won",
    "customer_id": "c1",
    "product": "kit",
    "amount": {"amount_minor": 105_400, "currency": "USD"},
    "created_at": "2016-10-20T01:00:00Z",
    "closed_at": "2017-03-01T09:00:00Z",
}
LOST: Json = {
    "owner_ref": "p-south-1",
    "outcome": "lost",
    "lost_reason": "unknown",
    "created_at": "2016-10-20T01:00:00Z",
    "closed_at": "2017-03-01T09:00:00Z",
}


async def test_a_closed_row_is_a_deal_opened_and_closed_at_its_dates(
    service: Service, admin: Caller, company: Json
) -> None:
    results = await admin.imported(
        "deals", [WON | {"external_ref": "w1"}, LOST | {"external_ref": "l1"}]
    )
    assert [result["status"] for result in results] == ["created", "created"]
    won = (await admin.get(f"/v1/deals/{results[0]['id']}")).json()
    assert (won["status"], won["version"], won["team"]) == ("won", 2, "north-1")
    assert (won["created_at"], won["closed_at"]) == (WON["created_at"], WON["closed_at"])
    assert won["dimensions"]["region"] == "North"
    rows = await service.rows(
        "SELECT type, occurred_at, recorded_at FROM outbox WHERE aggregateid = $1 ORDER BY id",
        won["id"],
    )
    assert [row["type"].split(".")[-2] for row in rows] == ["created", "won"]
    assert rows[1]["occurred_at"] == datetime(2017, 3, 1, 9, tzinfo=UTC)
    assert rows[1]["recorded_at"].year > 2017
    history = (await admin.get(f"/v1/deals/{won['id']}/history")).json()["stages"]
    assert [stay["stage"] for stay in history] == ["qualified", "won"]
    assert history[0]["left_at"] == history[1]["entered_at"] == WON["closed_at"]


async def test_the_same_rows_again_change_nothing_whatever_happened_since(
    service: Service, admin: Caller, company: Json
) -> None:
    rows: list[Json] = [
        WON | {"external_ref": "same-w"},
        LOST | {"external_ref": "same-l"},
        {"external_ref": "same-o", "stage": "qualified"},
    ]
    first = await admin.imported("deals", rows)
    still_open = {"id": first[2]["id"], "version": 1}
    await admin.commanded(still_open, "move", {"stage": "negotiation"})
    again = await admin.imported("deals", rows)
    assert [result["status"] for result in again] == ["unchanged"] * 3
    assert [result["id"] for result in again] == [result["id"] for result in first]
    assert len(await service.promised(first[2]["id"])) == 2


async def test_a_row_that_says_more_brings_the_deal_up_to_date(
    service: Service, admin: Caller, company: Json
) -> None:
    row: Json = {
        "external_ref": "grows",
        "stage": "qualified",
        "owner_ref": "p-north-1",
        "created_at": WON["created_at"],
    }
    (begun,) = await admin.imported("deals", [row])
    grown = WON | {"external_ref": "grows"}
    (won,) = await admin.imported("deals", [grown])
    assert (won["status"], won["id"]) == ("updated", begun["id"])
    kinds = [kind for _, kind, _ in await service.promised(begun["id"])]
    assert kinds == ["deal.created", "deal.details_changed", "deal.amount_changed", "deal.won"]
    (frozen,) = await admin.imported("deals", [grown | {"product": None, "channel": "fair"}])
    assert frozen["status"] == "rejected"
    assert "reopen" in frozen["problem"]["hint"]


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"created_at": "1899-12-31T00:00:00Z"}, "created_at"),
        ({"closed_at": "2150-01-01T00:00:00Z"}, "closed_at"),
        ({"closed_at": "2016-10-19T00:00:00Z"}, "closed_at"),
        ({"closed_at": None}, "closed_at"),
        ({"created_at": None}, "created_at"),
        ({"stage": "nowhere"}, "stage"),
        ({"stage": "lost"}, "outcome"),
        ({"outcome": "maybe"}, "outcome"),
        ({"product": "nothing"}, "product"),
        ({"owner_ref": "nobody"}, "owner_ref"),
        ({"owners": [{"owner_ref": "p-north-1", "weight_bp": 10_000}]}, "owners"),
        ({"team": "nobody"}, "team"),
        ({"pipeline": "nowhere"}, "pipeline"),
        ({"amount": {"amount_minor": -5, "currency": "USD"}}, "amount.amount_minor"),
        ({"lost_reason": "price"}, "lost_reason"),
        ({"outcome": "lost", "stage": None}, "lost_reason"),
        ({"outcome": "open", "stage": None}, "closed_at"),
        ({"shoe_size": 42}, "shoe_size"),
        ({"external_ref": ""}, "external_ref"),
    ],
)
async def test_a_bad_row_is_rejected_by_field_and_the_good_ones_are_taken(
    service: Service, admin: Caller, company: Json, wrong: Json, field: str
) -> None:
    ref = f"good beside {sorted(wrong.items())}"
    bad = {name: value for name, value in (WON | wrong).items() if value is not None}
    results = await admin.imported(
        "deals", [{"external_ref": "bad"} | bad, WON | {"external_ref": ref[:128]}]
    )
    assert [result["status"] for result in results] == ["rejected", "created"]
    problem = results[0]["problem"]
    assert problem["errors"][0]["field"] == field, problem
    assert problem["hint"] or problem["errors"][0]["hint"]
    assert not problem["retryable"]


async def test_a_won_row_without_customer_is_rejected(admin: Caller, company: Json) -> None:
    row = {name: value for name, value in WON.items() if name != "customer_id"}
    (result,) = await admin.imported("deals", [row | {"external_ref": "no customer"}])
    assert "customer" in result["problem"]["detail"]


async def test_a_customer_or_lead_on_its_way_makes_the_row_retryable(
    service: Service, admin: Caller, company: Json
) -> None:
    rows: list[Json] = [
        {"external_ref": "early-c", "customer_id": "c-late"},
        {"external_ref": "early-l", "lead_id": "l-late"},
    ]
    for result in await admin.imported("deals", rows):
        assert (result["status"], result["problem"]["retryable"]) == ("rejected", True)
    await service.knows_customer("c-late")
    await service.knows_lead("l-late")
    assert [one["status"] for one in await admin.imported("deals", rows)] == ["created"] * 2


async def test_one_lead_makes_one_deal_also_within_a_batch(
    service: Service, admin: Caller, company: Json
) -> None:
    await service.knows_lead("l-shared")
    rows: list[Json] = [
        {"external_ref": "first of lead", "lead_id": "l-shared"},
        {"external_ref": "second of lead", "lead_id": "l-shared"},
    ]
    for _ in range(2):
        first, second = await admin.imported("deals", rows)
        assert first["status"] in {"created", "unchanged"}
        assert second["status"] == "rejected"


async def test_required_fields_hold_for_imports_and_skips_do_not(
    admin: Caller, company: Json
) -> None:
    rows: list[Json] = [
        {"external_ref": "straight", "pipeline": "strict", "stage": "close"},
        {"external_ref": "lacking", "pipeline": "strict", "stage": "offer"},
    ]
    straight, lacking = await admin.imported("deals", rows)
    assert straight["status"] == "created"
    assert (lacking["status"], "amount" in lacking["problem"]["detail"]) == ("rejected", True)
    back, _ = await admin.imported("deals", [rows[0] | {"stage": "talk"}, rows[1]])
    assert (back["status"], "before" in back["problem"]["detail"]) == ("rejected", True)


async def test_a_dry_run_answers_and_leaves_nothing(
    service: Service, admin: Caller, company: Json
) -> None:
    row = WON | {"external_ref": "dry"}
    counts = "SELECT (SELECT count(*) FROM deals), (SELECT count(*) FROM outbox)"
    before = tuple((await service.rows(counts))[0])
    (result,) = await admin.imported("deals", [row], dry_run=True)
    assert result["status"] == "created"
    assert tuple((await service.rows(counts))[0]) == before
    (result,) = await admin.imported("deals", [row])
    assert result["status"] == "created"


async def test_dates_of_the_past_need_the_permission_to_write_history(
    service: Service, company: Json
) -> None:
    async with service.caller("sales_lead", "north-1", "south-1") as lead:
        past, present, foreign = await lead.imported(
            "deals",
            [
                WON | {"external_ref": "past"},
                {"external_ref": "present", "owner_ref": "p-north-1"},
                {"external_ref": "grows", "name": "renamed"},
            ],
        )
    assert past["problem"]["errors"][0]["field"] == "created_at"
    assert present["status"] == "created"
    assert foreign["status"] == "rejected"


async def test_a_row_is_not_a_way_into_another_team(
    service: Service, admin: Caller, company: Json
) -> None:
    (theirs,) = await admin.imported("deals", [{"external_ref": "theirs", "team": "north-1"}])
    async with service.caller("sales_lead", "south-1") as stranger:
        taken, put = await stranger.imported(
            "deals",
            [
                {"external_ref": "theirs", "name": "mine now"},
                {"external_ref": "intruder", "team": "north-1"},
            ],
        )
    assert (taken["status"], put["status"]) == ("rejected", "rejected")
    assert taken["id"] is None
    assert (await admin.get(f"/v1/deals/{theirs['id']}")).json()["name"] is None


async def test_a_batch_is_at_most_500_rows(admin: Caller, company: Json) -> None:
    for rows in ([], [{"external_ref": str(number)} for number in range(501)]):
        answer = await admin.post("/v1/deals/import", json={"rows": rows})
        assert answer.status_code == 422


@pytest.mark.skipif(not CRM_SALES.is_dir(), reason="the practice data set is not on this machine")
async def test_a_real_companys_8800_opportunities_come_in_once(
    service: Service, admin: Caller, company: Json
) -> None:
    await _import_neighbours(service, admin)
    rows = list(_opportunities())
    assert len(rows) == 8_800
    for expected in ("created", "unchanged"):
        for start in range(0, len(rows), 500):
            results = await admin.imported("deals", rows[start : start + 500])
            assert {result["status"] for result in results} == {expected}
    (won, lost, still_open, revenue) = (
        await service.rows(
            "SELECT count(*) FILTER (WHERE status = 'won'),"
            " count(*) FILTER (WHERE status = 'lost'), count(*) FILTER (WHERE status = 'open'),"
            " sum((amount ->> 'amount_minor')::bigint) FILTER (WHERE status = 'won')"
            " FROM deals WHERE pipeline = 'crm'"
        )
    )[0]
    assert (won, lost, still_open, revenue) == (4_238, 2_473, 2_089, 1_000_553_400)
    promised = await service.rows(
        "SELECT count(*) FROM outbox WHERE payload #>> '{deal,pipeline}' = 'crm'"
    )
    assert promised[0][0] == 8_800 + 4_238 + 2_473


async def _import_neighbours(service: Service, admin: Caller) -> None:
    stages = [
        {
            "code": code,
            "name": {"en": code},
            "order": order,
            "type": {"won": "won", "lost": "lost"}.get(code, "open"),
            "probability_bp": 10_000 if code == "won" else 0,
        }
        for order, code in enumerate(("prospecting", "engaging", "won", "lost"))
    ]
    await admin.imported("pipelines", [{"code": "crm", "name": {"en": "CRM"}, "stages": stages}])
    agents = list(_read("sales_teams.csv"))
    teams = {row["manager"]: row["regional_office"] for row in agents}
    await admin.imported(
        "teams",
        [{"code": code, "name": code, "region": region} for code, region in teams.items()],
    )
    await admin.imported(
        "people",
        [
            {"external_ref": row["sales_agent"], "name": row["sales_agent"], "team": row["manager"]}
            for row in agents
        ],
    )
    await admin.imported(
        "products",
        [{"code": row["product"], "name": row["product"]} for row in _read("products.csv")],
    )
    for row in _read("accounts.csv"):
        await service.knows_customer(row["account"], sector=row["sector"])


def _opportunities() -> Iterator[Json]:
    for row in _read("sales_pipeline.csv"):
        stage = row["deal_stage"].lower()
        deal: Json = {
            "external_ref": row["opportunity_id"],
            "pipeline": "crm",
            "stage": stage,
            "owner_ref": row["sales_agent"],
            "product": row["product"].replace("GTXPro", "GTX Pro"),
        }
        if row["account"]:
            deal["customer_id"] = row["account"]
        if row["engage_date"]:
            deal["created_at"] = f"{row['engage_date']}T09:00:00+08:00"
        if row["close_date"]:
            deal["closed_at"] = f"{row['close_date']}T17:00:00+08:00"
        if stage == "won":
            amount_minor = int(row["close_value"]) * 100
            deal["amount"] = {"amount_minor": amount_minor, "currency": "USD"}
        if stage == "lost":
            deal["lost_reason"] = "unknown"
        yield deal


def _read(name: str) -> Iterator[dict[str, str]]:
    with (CRM_SALES / name).open(newline="") as file:
        yield from csv.DictReader(file)
