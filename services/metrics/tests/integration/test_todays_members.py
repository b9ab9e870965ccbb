"""`view=current`: the past by the owners, teams and territories of today, by the API."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest
import pytest_asyncio
from kpi_stories import event
from metrics_service import Service

from events import Dimensions, Event, Money, Owner
from events.types.customer import LeadCaptured, LeadState
from events.types.pipeline import (
    DealCreated,
    DealReassigned,
    DealState,
    DealWon,
    LeadOrigin,
    PersonChanged,
    TeamChanged,
)

MAY = datetime(2024, 5, 6, 12, tzinfo=UTC)
JULY = datetime(2024, 7, 1, 12, tzinfo=UTC)
AUGUST = datetime(2024, 8, 1, 12, tzinfo=UTC)

pytestmark = pytest.mark.asyncio(loop_scope="module")


def deal(name: str, owners: dict[str, int], minor: int, **more: Any) -> DealState:
    return DealState(
        deal_id=name,
        pipeline="standard",
        stage="first",
        stage_rank=0,
        status="open",
        episode=1,
        created_at=MAY,
        customer_id=f"buyer of {name}",
        owners=[Owner(owner_id=who, weight_bp=weight) for who, weight in owners.items()],
        dimensions=Dimensions(team="north", region="North"),
        amount=Money(amount_minor=minor, currency="USD"),
        **more,
    )


def sold(state: DealState) -> Iterator[Event]:
    yield event(DealCreated(deal=state), 1, MAY)
    won = msgspec.structs.replace(state, status="won", closed_at=MAY + timedelta(days=1))
    yield event(DealWon(deal=won), 2, MAY + timedelta(days=1))


def events() -> Iterator[Event]:
    origin = LeadOrigin(
        lead_id="l", captured_at=MAY, owner_id="ann", dimensions=Dimensions(team="north")
    )
    lead = LeadState(
        lead_id="l", status="new", captured_at=MAY, owner_id="ann",
        dimensions=Dimensions(team="north"),
    )  # fmt: skip
    yield event(LeadCaptured(lead=lead), 1, MAY)
    yield from sold(deal("kept", {"ann": 10_000}, 1_000, lead=origin))
    yield from sold(deal("shared", {"ann": 5_000, "bob": 5_000}, 101))
    given = deal("given", {"ann": 10_000}, 500)
    yield from sold(given)
    handed_over = msgspec.structs.replace(
        given,
        status="won",
        closed_at=MAY + timedelta(days=1),
        owners=[Owner(owner_id="cid", weight_bp=10_000)],
    )
    yield event(DealReassigned(deal=handed_over), 3, JULY)
    for number, (team, region) in enumerate(
        (("north", "North"), ("south", "South"), ("south", "Overseas")), start=1
    ):
        yield event(TeamChanged(team=team, region=region), number, MAY + timedelta(days=number))
    for who, team in (("ann", "south"), ("bob", "north")):
        yield event(PersonChanged(person_id=who, team=team), 1, AUGUST)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fed(shared_service: Service) -> Service:
    await shared_service.feed(list(events()))
    await shared_service.know_until(datetime(2025, 6, 1, tzinfo=UTC))
    return shared_service


async def ask(client: httpx.AsyncClient, path: str = "revenue_net", **params: Any) -> Any:
    asked = {"period": "2024-05", "view": "current", **params}
    response = await client.get(f"/v1/kpis/{path}", params=asked)
    assert response.status_code == 200, response.text
    return response.json()


async def by(client: httpx.AsyncClient, *dimensions: str, **params: Any) -> dict[str, Any]:
    answer = await ask(client, by=list(dimensions), **params)
    return {
        "/".join(row["dimensions"].values()): row["value"] for row in answer["periods"][0]["rows"]
    }


async def test_sales_count_for_whom_they_belong_to_today(boss: httpx.AsyncClient) -> None:
    assert await by(boss, "owner", view="restated") == {"ann": 1_551, "bob": 50}
    assert await by(boss, "team", view="restated") == {"north": 1_601}
    assert await by(boss, "owner") == {"ann": 1_051, "bob": 50, "cid": 500}
    # Of ann's half she has the odd cent, in whatever way it is cut.
    assert await by(boss, "team") == {"south": 1_051, "north": 550}
    assert await by(boss, "region") == {"Overseas": 1_051, "North": 550}
    assert await by(boss, "owner", "team") == {
        "ann/south": 1_051,
        "bob/north": 50,
        "cid/north": 500,
    }
    assert await by(boss, "owner", filter="team:north") == {"bob": 50, "cid": 500}
    assert (await ask(boss))["periods"][0]["rows"][0]["value"] == 1_601


async def test_the_answer_says_whose_members_it_shows(boss: httpx.AsyncClient) -> None:
    assert (await ask(boss))["members"] == "of_today"
    assert (await ask(boss, view="restated"))["members"] == "of_their_day"


async def test_as_of_an_instant_today_is_that_day(boss: httpx.AsyncClient) -> None:
    assert await by(boss, "owner", as_of="2024-06-15") == {"ann": 1_551, "bob": 50}
    assert await by(boss, "owner", as_of="2024-07-15") == {"ann": 1_051, "bob": 50, "cid": 500}
    assert await by(boss, "team", as_of="2024-07-15") == {"north": 1_601}
    assert await by(boss, "region", as_of="2024-05-08") == {"North": 1_601}


async def test_a_lead_and_the_sale_that_came_of_it_go_together(boss: httpx.AsyncClient) -> None:
    answer = await ask(boss, "lead_conversion", by="team")
    [row] = answer["periods"][0]["rows"]
    assert (row["dimensions"], row["numerator"], row["n"]) == ({"team": "south"}, 1, 1)


async def test_a_buyer_counts_for_who_has_the_sale_now(boss: httpx.AsyncClient) -> None:
    answer = await ask(boss, "repeat_purchase_rate", by="owner")
    rows = {row["dimensions"]["owner"]: row["n"] for row in answer["periods"][0]["rows"]}
    assert rows == {"ann": 1.5, "bob": 0.5, "cid": 1}


async def test_explanations_and_differences_add_up(boss: httpx.AsyncClient) -> None:
    explained = await ask(boss, "revenue_net/explain", filter="team:north")
    assert {one["fact"]: one["amount"] for one in explained["items"]} == {
        "deal/given": 500,
        "deal/shared": 50,
    }
    assert explained["value"] == 550
    difference = await ask(
        boss, "revenue_net/differences", filter="owner:cid", against_as_of="2024-06-15"
    )
    assert [one["fact"] for one in difference["items"]] == ["deal/given"]
    assert (difference["before"]["row"]["value"], difference["after"]["row"]["value"]) == (0, 500)


async def test_shapes_are_drawn_by_todays_members(boss: httpx.AsyncClient) -> None:
    drawn = await ask(boss, "stage_conversion/shape", shape="funnel", filter="owner:cid")
    assert drawn["members"] == "of_today"
    assert [step["count"] for step in drawn["funnel"]] == [1, 1]


async def test_a_shape_of_published_figures_is_refused(boss: httpx.AsyncClient) -> None:
    params = {"period": "2024-05", "shape": "funnel", "view": "published"}
    response = await boss.get("/v1/kpis/stage_conversion/shape", params=params)
    assert response.status_code == 422
