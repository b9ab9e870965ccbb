"""The API: values, refusals, scopes, tags, and explanations that add up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
import pytest_asyncio
from kpi_histories import BASE, History, plain
from kpi_oracles import Ask, Books, expected
from kpi_oracles.leads import leads_before_any_deal
from metrics_service import Service

from metrics.engine.calendar import Grain, parse_period, periods_between
from metrics.engine.company import date_of, day_number
from metrics.engine.expectation import Model
from metrics.kpis import CATALOGUE

ZONE = ZoneInfo("America/New_York")
WATERMARK = datetime(2025, 6, 1, 12, tzinfo=UTC)


SUMMED = [kpi.id for kpi in CATALOGUE if not isinstance(kpi, Model)]
"""KPIs that facts add up to; for models see test_models_api."""

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fed(shared_service: Service) -> tuple[Any, Books]:
    """A service that was fed a history, and the books of it. Tests only read it."""
    history = History(11, facts=150)
    await shared_service.feed_all(history.events, at_once=100)
    await shared_service.know_until(WATERMARK)
    return shared_service, Books(plain(history.events), ZONE, BASE)


@pytest_asyncio.fixture(loop_scope="module")
async def told(fed: tuple[Any, Books]) -> AsyncIterator[tuple[httpx.AsyncClient, Books]]:
    """A boss's client, and the books."""
    async with fed[0].caller("boss") as client:
        yield client, fed[1]


async def answer(client: httpx.AsyncClient, path: str, **params: Any) -> Any:
    response = await client.get(path, params=params)
    assert response.status_code == 200, response.text
    return response.json()


async def test_the_catalogue_names_every_kpi_in_two_languages(told: Any) -> None:
    catalogue = await answer(told[0], "/v1/kpis")
    assert [item["id"] for item in catalogue["items"]] == [kpi.id for kpi in CATALOGUE]
    for item in catalogue["items"]:
        assert item["name"]["en"]
        assert item["name"]["zh"]
        assert item["formula"]["zh"]
    assert catalogue["currency"] == "USD"


def grain_of(kpi: str) -> Grain:
    """By quarter, or the longest that there is."""
    grains = CATALOGUE[kpi].grains
    return Grain.QUARTER if Grain.QUARTER in grains else max(grains, key=lambda g: g.number)


_PERIODS: dict[Grain, tuple[date, date]] = {
    Grain.DAY: (date(2024, 5, 2), date(2024, 5, 5)),
    Grain.MONTH: (date(2024, 1, 1), date(2025, 1, 1)),
    Grain.QUARTER: (date(2024, 1, 1), date(2025, 1, 1)),
}
_IN_SPRING = {Grain.DAY: "2024-05-04", Grain.MONTH: "2024-05", Grain.QUARTER: "2024-Q2"}


@pytest.mark.parametrize("kpi", SUMMED)
async def test_values_by_period_and_dimension(told: Any, kpi: str) -> None:
    client, books = told
    grain = grain_of(kpi)
    start, end = _PERIODS[grain]
    wanted_periods = periods_between(day_number(start), day_number(end), grain)
    labels = [period.label for period in wanted_periods]
    params = {"from": str(start), "to": str(end), "grain": grain.value}
    for by in (None, *CATALOGUE[kpi].dimensions):
        answered = await answer(client, f"/v1/kpis/{kpi}", **params, **({"by": by} if by else {}))
        assert [period["period"] for period in answered["periods"]] == labels
        for period in answered["periods"]:
            span = parse_period(period["period"])
            for row in period["rows"]:
                where = (by, row["dimensions"][by]) if by else (None, None)
                ask = Ask(date_of(span.start), date_of(span.end), where, WATERMARK)
                wanted = expected(kpi, books, ask)
                sketched = getattr(CATALOGUE[kpi], "sketched", False)
                value = None if wanted.value is None else float(wanted.value)
                if kpi == "lead_conversion" and leads_before_any_deal(books, ask):
                    assert row["reason"] in {"incomplete", "not_covered"}
                    value = None
                assert row["value"] == (
                    pytest.approx(value, rel=0.01) if sketched and value else value
                )
                assert row["n"] == float(wanted.n)


@pytest.mark.parametrize("as_of", [None, "2024-06-30"])
@pytest.mark.parametrize("kpi", SUMMED)
async def test_the_facts_behind_a_value_add_up_to_it(
    told: Any, kpi: str, as_of: str | None
) -> None:
    client, _ = told
    dimension, period = CATALOGUE[kpi].dimensions[0], _IN_SPRING[grain_of(kpi)]
    known = {"as_of": as_of} if as_of else {}
    listed = await answer(client, f"/v1/kpis/{kpi}", period=period, by=dimension, **known)
    members = [row["dimensions"][dimension] for row in listed["periods"][0]["rows"]]
    for scope in ({}, *({"filter": f"{dimension}:{member}"} for member in members[:3])):
        items, value = await all_facts(client, kpi, period=period, **scope, **known)
        single = await answer(client, f"/v1/kpis/{kpi}", period=period, **scope, **known)
        row = single["periods"][0]["rows"][0]
        assert value["value"] == row["value"]
        for name in ("numerator", "denominator", "n", "unpriced_count"):
            if row[name] is not None:  # a target that is not set leaves nothing to add up to
                whole = sum(Fraction(str(item[name] or 0)) for item in items)
                assert float(whole) == pytest.approx(row[name], abs=1e-9), name
        assert all(item["events"] for item in items)


async def all_facts(client: httpx.AsyncClient, kpi: str, **params: Any) -> tuple[list[Any], Any]:
    items: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        page = await answer(client, f"/v1/kpis/{kpi}/explain", limit=7, **params, **cursor)
        items += page["items"]
        if page["next_cursor"] is None:
            assert len({item["fact"] for item in items}) == len(items)
            return items, page
        cursor = {"cursor": page["next_cursor"]}


async def test_as_of_is_what_was_recorded_until_then(told: Any) -> None:
    client, books = told
    moment = datetime(2024, 7, 1, 3, 59, 59, tzinfo=UTC)
    known = [event for event in books.events if event["recorded"] <= moment]
    then = Books(known, ZONE, BASE)
    for kpi in ("revenue_net", "pipeline_open", "win_rate", "operating_cost"):
        answered = await answer(client, f"/v1/kpis/{kpi}", period="2024-Q2", as_of="2024-06-30")
        span = parse_period("2024-Q2")
        ask = Ask(date_of(span.start), date_of(span.end), (None, None), moment)
        wanted = expected(kpi, then, ask)
        row = answered["periods"][0]["rows"][0]
        assert (row["value"], row["n"]) == (wanted.value and float(wanted.value), wanted.n), kpi


@pytest.mark.parametrize("as_of", [None, "2024-06-30"])
async def test_two_dimensions_at_once_are_exact(told: Any, as_of: str | None) -> None:
    client, _ = told
    asked = {"period": "2024", **({"as_of": as_of} if as_of else {})}
    both = await answer(client, "/v1/kpis/revenue_net", **asked, by=["team", "owner"])
    single = await answer(client, "/v1/kpis/revenue_net", **asked, by="team")
    by_team: dict[str, int] = {}
    for row in both["periods"][0]["rows"]:
        team = row["dimensions"]["team"]
        by_team[team] = by_team.get(team, 0) + row["value"]
    assert by_team == {
        row["dimensions"]["team"]: row["value"] for row in single["periods"][0]["rows"]
    }
    narrowed = await answer(
        client, "/v1/kpis/revenue_net", **asked, by="owner", filter="team:north"
    )
    assert {row["dimensions"]["owner"]: row["value"] for row in narrowed["periods"][0]["rows"]} == {
        row["dimensions"]["owner"]: row["value"]
        for row in both["periods"][0]["rows"]
        if row["dimensions"]["team"] == "north"
    }


async def test_rows_come_in_pages(told: Any) -> None:
    client, _ = told
    params: dict[str, Any] = {
        "from": "2024-01-01", "to": "2025-01-01", "grain": "month", "by": "product",
    }  # fmt: skip
    whole = await answer(client, "/v1/kpis/revenue_net", **params)
    rows = [(p["period"], row) for p in whole["periods"] for row in p["rows"]]
    paged: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        page = await answer(client, "/v1/kpis/revenue_net", limit=5, **params, **cursor)
        paged += [(p["period"], row) for p in page["periods"] for row in p["rows"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert paged == rows


_FOR_EVER = {"from": "1900-01-01", "to": "2200-01-01", "grain": "day"}


@pytest.mark.parametrize(
    ("path", "params", "status", "field"),
    [
        ("/v1/kpis/nothing", {}, 404, None),
        ("/v1/kpis/win_rate", {"grain": "day"}, 422, "query.grain"),
        ("/v1/kpis/win_rate", {"grain": "fortnight"}, 422, "query.grain"),
        ("/v1/kpis/win_rate", {"by": "colour"}, 422, "query.by"),
        ("/v1/kpis/win_rate", {"by": ["team", "owner", "region"]}, 422, "query.by"),
        ("/v1/kpis/win_rate", {"filter": "region"}, 422, "query.filter"),
        ("/v1/kpis/win_rate", {"filter": "colour:red"}, 422, "query.filter"),
        ("/v1/kpis/win_rate", {"period": "2024-Q5"}, 422, "query.period"),
        ("/v1/kpis/win_rate", {"period": "2024-W99"}, 422, "query.period"),
        ("/v1/kpis/win_rate", {"period": "0000"}, 422, "query.period"),
        ("/v1/kpis/win_rate", {"period": "9999"}, 422, "query.period"),
        ("/v1/kpis/win_rate", {"period": "2024", "from": "2024-01-01"}, 422, "query.period"),
        ("/v1/kpis/win_rate", {"from": "2024-02-30"}, 422, "query.from"),
        ("/v1/kpis/win_rate", {"from": "2024-01-15", "to": "2024-03-01"}, 422, "query.from"),
        ("/v1/kpis/win_rate", {"from": "2024-03-01", "to": "2024-01-01"}, 422, "query.to"),
        ("/v1/kpis/pipeline_open", _FOR_EVER, 422, "query.grain"),
        ("/v1/kpis/win_rate", {"as_of": "yesterday"}, 422, "query.as_of"),
        ("/v1/kpis/win_rate", {"colour": "red"}, 422, "query.colour"),
        ("/v1/kpis/win_rate", {"cursor": "made up"}, 422, "cursor"),
        ("/v1/kpis/cost_control", {"by": ["team", "project"]}, 422, "query.by"),
        ("/v1/kpis/win_rate/explain", {}, 422, "query.period"),
    ],
)  # fmt: skip
async def test_nonsense_is_refused_with_the_field_and_a_hint(
    told: Any, path: str, params: dict[str, Any], status: int, field: str | None
) -> None:
    response = await told[0].get(path, params=params)
    assert response.status_code == status, response.text
    problem = response.json()
    assert problem["detail"]
    if field:
        assert problem["errors"][0]["field"].startswith(field)


async def test_a_reader_of_one_team_sees_that_team_only(fed: Any) -> None:
    async with fed[0].caller("sales_rep", "north") as rep:
        refused = await rep.get("/v1/kpis/revenue_net", params={"period": "2024"})
        assert refused.status_code == 403
        assert refused.json()["hint"] == "add filter=team:north"
        other = await rep.get(
            "/v1/kpis/revenue_net", params={"period": "2024", "filter": "team:south"}
        )
        assert other.status_code == 403
        own = await rep.get(
            "/v1/kpis/revenue_net", params={"period": "2024", "filter": "team:north"}
        )
        assert own.status_code == 200
        explained = await rep.get("/v1/kpis/revenue_net/explain", params={"period": "2024"})
        assert explained.status_code == 403
        assert (await rep.get("/v1/quarantine")).status_code == 403
    async with fed[0].caller("partner") as nobody:
        assert (await nobody.get("/v1/kpis")).status_code == 403


async def test_bad_facts_are_listed_and_counted(told: Any) -> None:
    client, _ = told
    listed = await answer(client, "/v1/quarantine", limit=3)
    assert listed["total"] > 3
    assert len(listed["items"]) == 3
    assert listed["next_cursor"]
    assert listed["items"][0]["problems"]
