"""Closed periods stay as published; what differs since is listed, down to the facts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import httpx
import pytest
import pytest_asyncio
from kpi_histories import History
from metrics_service import Service, running

from metrics.engine.calendar import Grain
from metrics.kpis import CATALOGUE

pytestmark = pytest.mark.asyncio(loop_scope="module")

PERIOD = "2024-Q2"
AS_PUBLISHED = {"period": PERIOD, "view": "published"}
CLOSED_AT = datetime(2024, 8, 20, 12, tzinfo=UTC)
END = datetime(2025, 6, 1, 12, tzinfo=UTC)


def values() -> list[tuple[str, str | None]]:
    """Every KPI that has quarters, in total and by one dimension."""
    kpis = [kpi for kpi in CATALOGUE if Grain.QUARTER in kpi.grains]
    return [(kpi.id, by) for kpi in kpis for by in (None, kpi.dimensions[-1])]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def closed(
    module_database: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Service, dict[Any, Any]]]:
    """A service that closed two periods, then heard the rest of its history. Tests only read it."""
    async with running(module_database("metrics"), tmp_path_factory.mktemp("identity")) as service:
        events = History(61, facts=220).events
        then = CLOSED_AT - timedelta(seconds=1)
        await service.feed_all([e for e in events if e.recordedtime < then])
        await service.know_until(CLOSED_AT)
        published = {}
        async with service.caller("admin") as admin:
            response = await admin.post(f"/v1/periods/{PERIOD}/close")
            assert response.status_code == 202, response.text
            early = await admin.get("/v1/kpis/revenue_net", params=AS_PUBLISHED)
            assert early.json()["type"].endswith("being-published")
            await service.publish()
            for kpi, by in values():
                published[kpi, by] = await rows(admin, kpi, PERIOD, by=by)
        await service.feed_all([e for e in events if e.recordedtime >= then])
        await service.know_until(END)
        yield service, published


@pytest_asyncio.fixture(loop_scope="module")
async def admin(closed: tuple[Service, Any]) -> AsyncIterator[httpx.AsyncClient]:
    async with closed[0].caller("admin") as client:
        yield client


async def rows(client: httpx.AsyncClient, kpi: str, period: str, **more: Any) -> list[Any]:
    asked = {name: value for name, value in more.items() if value is not None}
    answered = await get(client, f"/v1/kpis/{kpi}", period=period, **asked)
    return list(answered["periods"][0]["rows"])


async def get(client: httpx.AsyncClient, path: str, **params: Any) -> Any:
    response = await client.get(path, params=params)
    assert response.status_code == 200, response.text
    return response.json()


async def every_page(client: httpx.AsyncClient, path: str, **params: Any) -> list[Any]:
    items: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        page = await get(client, path, **params, **cursor)
        items += page["items"]
        if page["next_cursor"] is None:
            return items
        cursor = {"cursor": page["next_cursor"]}


def by_member(listed: list[Any]) -> dict[str, Any]:
    """Rows by member, without members of which nothing is said: whether they have a row is luck."""
    return {one_of(row["dimensions"])[1]: row for row in listed if told(row)}


def speaks(row: Any) -> bool:
    return bool(row["n"] or row["numerator"] or row["denominator"] or row["unpriced_count"])


async def test_what_was_published_stays_whatever_comes_later(closed: Any, admin: Any) -> None:
    changed = 0
    for (kpi, by), before in closed[1].items():
        published = await rows(admin, kpi, PERIOD, by=by, view="published")
        assert by_member(published) == by_member(before), (kpi, by)
        changed += await rows(admin, kpi, PERIOD, by=by) != before
    assert changed > len(closed[1]) / 3, "the late events must have changed much"


async def test_restated_less_published_is_what_is_listed(closed: Any, admin: Any) -> None:
    listed = await every_page(admin, f"/v1/periods/{PERIOD}/differences", limit=90)
    items = {(item["kpi"], *one_of(item["dimensions"])): item for item in listed}
    assert len(items) == len(listed)
    for kpi, by in closed[1]:
        was = by_member(await rows(admin, kpi, PERIOD, by=by, view="published"))
        now = by_member(await rows(admin, kpi, PERIOD, by=by))
        for member in was.keys() | now.keys():
            before, after = told(was.get(member)), told(now.get(member))
            item = items.pop((kpi, by or "", member), None)
            if before == after:
                assert item is None, (kpi, by, member)
            else:
                assert item is not None, (kpi, by, member)
                assert (told(item["before"]), told(item["after"])) == (before, after)
    left = {(kpi, dimension or None) for kpi, dimension, _ in items}
    assert not left & closed[1].keys(), "more is listed than differs"


def one_of(dimensions: dict[str, str]) -> tuple[str, str]:
    return next(iter(dimensions.items()), ("", ""))


def told(row: Any) -> Any:
    """What a row says; None where it is of a member of which nothing is said."""
    if row is None or (row["dimensions"] and not speaks(row)):
        return None
    return [
        row[name] for name in ("value", "numerator", "denominator", "n", "unpriced_count", "reason")
    ]


@pytest.mark.parametrize("kpi", [kpi.id for kpi in CATALOGUE if Grain.QUARTER in kpi.grains])
async def test_the_facts_behind_a_difference_add_up_to_it(
    closed: Any, admin: Any, kpi: str
) -> None:
    known_at = (await get(admin, f"/v1/periods/{PERIOD}"))["items"][0]["known_at"]
    await adds_up(admin, kpi, period=PERIOD, against_as_of=known_at)
    dimension = CATALOGUE[kpi].dimensions[0]
    listed = await rows(admin, kpi, PERIOD, by=dimension)
    member = listed[0]["dimensions"][dimension] if listed else "unknown"
    scope = f"{dimension}:{member}"
    await adds_up(admin, kpi, period=PERIOD, against_as_of=known_at, filter=scope)
    await adds_up(admin, kpi, period=PERIOD, against="2024-Q1", filter=scope)


async def adds_up(client: httpx.AsyncClient, kpi: str, **asked: Any) -> None:
    items = await every_page(client, f"/v1/kpis/{kpi}/differences", limit=11, **asked)
    assert len({item["fact"] for item in items}) == len(items)
    whole = await get(client, f"/v1/kpis/{kpi}/differences", **asked)
    for name in ("numerator", "denominator", "n", "unpriced_count"):
        before, after = (whole[side]["row"][name] for side in ("before", "after"))
        if before is None or after is None:  # a target that is not set leaves nothing to add to
            continue
        listed = sum(part(item["after"], name) - part(item["before"], name) for item in items)
        assert float(listed) == pytest.approx(float(frac(after) - frac(before)), abs=1e-9), name
    assert all(item["events"] for item in items)


def part(one: Any, name: str) -> Fraction:
    return frac(one[name] if one else 0)


def frac(number: Any) -> Fraction:
    return Fraction(str(number or 0))


async def test_closing_again_adds_an_edition(closed: Any, admin: Any) -> None:
    service, _ = closed
    first = await get(admin, f"/v1/periods/{PERIOD}/differences")
    response = await admin.post(f"/v1/periods/{PERIOD}/close")
    assert (response.status_code, response.json()["edition"]) == (202, 2)
    await service.publish()
    assert (await get(admin, f"/v1/periods/{PERIOD}/differences"))["items"] == []
    again = await get(admin, f"/v1/periods/{PERIOD}/differences", edition=1)
    assert again["items"] == first["items"]
    listed = (await get(admin, "/v1/periods"))["items"]
    assert [(one["period"], one["edition"]) for one in listed] == [(PERIOD, 2), (PERIOD, 1)]
    assert {one["closed_by"] for one in listed} == {"a admin"}
    told_of = await service.pool.fetch(
        "SELECT aggregateid, aggregate_version FROM outbox WHERE type LIKE '%period.closed%'"
        " ORDER BY id"
    )
    assert [tuple(row) for row in told_of] == [(PERIOD, 1), (PERIOD, 2)]


async def test_what_cannot_be_closed_or_was_not_is_refused_with_a_hint(closed: Any) -> None:
    service, _ = closed
    async with service.caller("admin") as admin, service.caller("boss") as boss:
        early = await admin.post("/v1/periods/2025-06/close")
        assert early.status_code == 409
        assert early.json()["type"].endswith("period-not-over")
        assert (await boss.post("/v1/periods/2024-06/close")).status_code == 403
        params: dict[str, Any] = {"period": "2024-06", "view": "published"}
        open_yet = await boss.get("/v1/kpis/revenue_net", params=params)
        assert open_yet.status_code == 404
        assert "POST /v1/periods/2024-06/close" in open_yet.json()["hint"]
        params = {"period": "2024-Q2", "view": "published", "by": ["team", "owner"]}
        assert (await boss.get("/v1/kpis/revenue_net", params=params)).status_code == 422
        unsaid = await boss.get("/v1/kpis/revenue_net/differences", params={"period": "2024-Q2"})
        assert unsaid.json()["errors"][0]["field"] == "query.against"
