"""`target=true`: values beside their targets by the API, as they were set when."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from kpi_stories import event, sold
from metrics_service import Service, running

from events import Event
from events.types.pipeline import TargetSet

MAY = datetime(2024, 5, 6, 12, tzinfo=UTC)
JUNE = datetime(2024, 6, 10, tzinfo=UTC)
JULY = datetime(2024, 7, 1, 12, tzinfo=UTC)
NOW = datetime(2024, 9, 10, 20, tzinfo=UTC)
"""A Tuesday: of September's 21 working days 7 have begun."""

pytestmark = pytest.mark.asyncio(loop_scope="module")


def goal(name: str, kpi: str, period: str, value: int | None, **more: Any) -> TargetSet:
    scope = {"scope": "company", **more}
    return TargetSet(target_id=name, kpi=kpi, period=period, value=value, **scope)


def events() -> Iterator[Event]:
    yield from sold("a", 9_000, MAY)
    yield from sold("b", 7_000, NOW - timedelta(days=1))
    yield event(goal("r", "win_rate", "2024-05", 5_000), 1, MAY)
    yield event(goal("r", "win_rate", "2024-05", 8_000), 2, JULY)
    north = {"scope": "team", "scope_value": "north"}
    yield event(goal("n", "win_rate", "2024-05", 9_500, **north), 1, MAY)
    for number, month in enumerate(("2024-07", "2024-08", "2024-09")):
        name = f"s{number}"
        yield event(goal(name, "revenue_net", month, 30_000, currency="USD"), 1, MAY)
    yield from sold("c", 4_000, MAY, currency="EUR", rate="1.1")
    yield event(goal("eur", "revenue_net", "2024-05", 8_000, currency="EUR"), 1, MAY)
    pair = {"scope": "region", "scope_value": "unknown", "second_scope": "team"}
    together = goal("pair", "win_rate", "2024-05", 4_000, **pair, second_scope_value="north")
    yield event(together, 1, MAY)
    yield event(goal("none", "deals_lost", "2024-05", 0), 1, MAY)
    yield event(goal("gone", "avg_deal_value", "2024-05", 1, currency="USD"), 1, MAY)
    yield event(goal("gone", "avg_deal_value", "2024-05", None), 2, JULY)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fed(shared_service: Service) -> Service:
    await shared_service.feed(list(events()))
    await shared_service.know_until(NOW)
    return shared_service


async def target_of(client: httpx.AsyncClient, kpi: str, **params: Any) -> dict[str, Any]:
    response = await client.get(f"/v1/kpis/{kpi}", params={"target": "true", **params})
    assert response.status_code == 200, response.text
    [row] = response.json()["periods"][0]["rows"]
    found: dict[str, Any] = row["against_target"]
    return found


async def test_a_rate_stands_beside_its_target_as_last_revised(boss: httpx.AsyncClient) -> None:
    assert await target_of(boss, "win_rate", period="2024-05") == {
        "target": 0.8,
        "to_date": 0.8,
        "attainment": 1.25,
        "pace": 1.25,
        "run_rate": 1.0,
        "on_track": True,
        "reason": None,
        "facts": ["target/r"],
    }


async def test_as_of_an_instant_it_is_the_target_of_then(boss: httpx.AsyncClient) -> None:
    then = await target_of(boss, "win_rate", period="2024-05", as_of="2024-06-15")
    assert (then["target"], then["attainment"]) == (0.5, 2.0)


async def test_a_member_has_a_target_of_its_own(boss: httpx.AsyncClient) -> None:
    for asked in ({"by": "team"}, {"filter": "team:north"}):
        found = await target_of(boss, "win_rate", period="2024-05", **asked)
        assert (found["target"], found["facts"]) == (0.95, ["target/n"])


async def test_two_members_together_have_a_target_of_their_own(boss: httpx.AsyncClient) -> None:
    both = {"by": ["team", "region"]}, {"filter": ["region:unknown", "team:north"]}
    for asked in both:
        found = await target_of(boss, "win_rate", period="2024-05", **asked)
        assert (found["target"], found["attainment"]) == (0.4, 2.5)
        assert found["facts"] == ["target/pair"]
    refused = await boss.get(
        "/v1/kpis/first_response_min", params={"by": ["team", "region"], "period": "2024-05"}
    )
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["hint"].startswith("it can be cut by: ")


async def test_of_a_target_of_nothing_nothing_is_a_share(boss: httpx.AsyncClient) -> None:
    told = await target_of(boss, "deals_lost", period="2024-05")
    assert (told["target"], told["attainment"], told["on_track"]) == (0, None, True)
    assert told["reason"] == "no_denominator"


async def test_a_quarter_is_made_of_its_months_and_runs_by_working_days(
    boss: httpx.AsyncClient,
) -> None:
    quarter = await target_of(boss, "revenue_net", period="2024-Q3")
    assert quarter["target"] == 90_000
    assert quarter["facts"] == ["target/s0", "target/s1", "target/s2"]
    month = await target_of(boss, "revenue_net", period="2024-09")
    assert (month["target"], month["to_date"]) == (30_000, 10_000)
    assert month["attainment"] == pytest.approx(7 / 30)
    assert month["pace"] == pytest.approx(0.7)
    assert (month["run_rate"], month["on_track"]) == (21_000, False)


@pytest.mark.parametrize(
    ("kpi", "params"),
    [
        ("avg_deal_value", {"period": "2024-05"}),
        ("win_rate", {"period": "2024-04"}),
        ("win_rate", {"period": "2024-05", "filter": ["team:north", "owner:unknown"]}),
        ("win_rate", {"period": "2024-W19"}),
    ],
)
async def test_without_a_target_there_is_nothing_to_say(
    boss: httpx.AsyncClient, kpi: str, params: dict[str, Any]
) -> None:
    found = await target_of(boss, kpi, **params)
    assert found["reason"] == "no_target"
    assert [found[name] for name in ("target", "attainment", "pace", "run_rate")] == [None] * 4


async def test_money_is_measured_in_the_currency_that_its_target_is_in(
    boss: httpx.AsyncClient,
) -> None:
    params = {"period": "2024-05", "target": "true", "currency": "as_booked"}
    response = await boss.get("/v1/kpis/revenue_net", params=params)
    [period] = response.json()["periods"]
    targets = {
        row["dimensions"]["currency"]: row["against_target"]["facts"] for row in period["rows"]
    }
    assert targets == {"EUR": ["target/eur"], "USD": []}
    [euros] = [row for row in period["rows"] if row["dimensions"]["currency"] == "EUR"]
    assert (euros["value"], euros["against_target"]["attainment"]) == (4_000, 0.5)

    constant = {"currency": "constant", "rates_on": "2024-05-01"}
    at_rates = await target_of(boss, "revenue_net", period="2024-09", **constant)
    assert at_rates == await target_of(boss, "revenue_net", period="2024-09")


async def test_a_published_value_stands_beside_the_target_of_its_publishing(
    new_database: Callable[[str], str], tmp_path: Path
) -> None:
    async with running(new_database("metrics"), tmp_path) as service:
        *told_then, revised = [event for event in events() if event.subject == "r"]
        await service.feed([*sold("a", 9_000, MAY), *told_then])
        await service.know_until(JUNE)
        async with service.caller("admin") as admin:
            closed = await admin.post("/v1/periods/2024-05/close")
            assert closed.status_code == 202, closed.text
            await service.publish()
            await service.feed([revised])
            await service.know_until(NOW)
            then = await target_of(admin, "win_rate", period="2024-05", view="published")
            now = await target_of(admin, "win_rate", period="2024-05")
    assert (then["target"], now["target"]) == (0.5, 0.8)
