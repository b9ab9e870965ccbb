"""Shapes and comparisons by the API: equal to what brute force over the events gives."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
import pytest_asyncio
from kpi_histories import BASE, History, plain
from kpi_oracles import Ask, Books, expected
from kpi_oracles.deals import open_at_end
from kpi_oracles.leads import minutes_until_answer
from kpi_oracles.pipeline import reached
from kpi_oracles.usage import retained
from metrics_service import Service

ZONE = ZoneInfo("America/New_York")
NOW = datetime(2024, 11, 10, 12, tzinfo=UTC)
"""In the middle of a month, and before the last events."""
MAKERS = ("deal", "user", "lead")
WHOLE: tuple[None, None] = (None, None)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def told(shared_service: Service) -> AsyncIterator[tuple[httpx.AsyncClient, Books]]:
    """A boss's client of a service that was fed a history, and the books of it."""
    history = History(5, facts=240, of=MAKERS)
    await shared_service.feed_all(history.events, at_once=200)
    await shared_service.know_until(NOW)
    async with shared_service.caller("boss") as client:
        yield client, Books(plain(history.events), ZONE, BASE)


async def answer(client: httpx.AsyncClient, path: str, **params: Any) -> Any:
    response = await client.get(path, params=params)
    assert response.status_code == 200, response.text
    return response.json()


def ask(start: date, end: date, where: Any = WHOLE) -> Ask:
    return Ask(start, end, where, NOW)


@pytest.mark.parametrize(
    ("grain", "unbounded"), [("week", False), ("week", True), ("month", False), ("month", True)]
)
async def test_a_triangle_shows_each_cohort_at_each_age_that_has_begun(
    told: Any, *, grain: str, unbounded: bool
) -> None:
    client, books = told
    span = {"week": ("2024-04-01", "2024-05-06"), "month": ("2024-03-01", "2024-10-01")}[grain]
    params = {"from": span[0], "to": span[1], "grain": grain, "unbounded": unbounded}
    drawn = await answer(client, "/v1/kpis/user_retention/shape", shape="triangle", **params)
    ages = 0
    for cohort in drawn["triangle"]:
        asked = ask(date.fromisoformat(cohort["from_on"]), date.fromisoformat(cohort["to_on"]))
        for told_of in cohort["ages"]:
            wanted = retained(books, asked, age=told_of["age"], or_later=unbounded)
            assert told_of["count"] == wanted.numerator
            assert told_of["value"] == (None if wanted.value is None else float(wanted.value))
            ages += 1
        assert cohort["n"] == wanted.n
    assert ages > 20
    assert len(drawn["triangle"][-1]["ages"]) < len(drawn["triangle"][0]["ages"])


async def test_a_value_at_an_age_is_that_of_the_triangle(told: Any) -> None:
    client, books = told
    for age, unbounded in ((0, False), (2, False), (2, True)):
        params = {"period": "2024-03", "grain": "month", "age": age, "unbounded": unbounded}
        answered = await answer(client, "/v1/kpis/user_retention", **params)
        asked = ask(date(2024, 3, 1), date(2024, 4, 1))
        wanted = retained(books, asked, age=age, or_later=unbounded)
        assert answered["periods"][0]["rows"][0]["value"] == float(wanted.value or 0)


async def test_a_funnel_counts_who_came_to_each_step(told: Any) -> None:
    client, books = told
    drawn = await answer(
        client, "/v1/kpis/stage_conversion/shape", shape="funnel", period="2024-Q3"
    )
    asked = ask(date(2024, 7, 1), date(2024, 10, 1))
    steps = drawn["funnel"]
    assert [step["step"] for step in steps] == [*range(20), 20]
    assert steps[0]["count"] > steps[-1]["count"] > 0
    for step in steps:
        assert step["count"] == reached(books, asked, step["step"])
    # The quarter's deals had not all had their 90 days when the figures end.
    assert {step["from_first"] for step in steps} == {None}
    drawn = await answer(
        client, "/v1/kpis/stage_conversion/shape", shape="funnel", period="2024-Q1"
    )
    product = Fraction(1)
    for before, step in zip(drawn["funnel"], drawn["funnel"][1:], strict=False):
        assert step["from_previous"] == step["count"] / before["count"]
        product *= Fraction(step["count"]) / Fraction(before["count"])
    assert drawn["funnel"][-1]["from_first"] == pytest.approx(float(product))


@pytest.mark.parametrize("member", [None, "ann"])
async def test_buckets_part_what_is_open_by_age(told: Any, member: str | None) -> None:
    client, books = told
    scope = {"filter": f"owner:{member}"} if member else {}
    params = {"shape": "buckets", "period": "2024-06", **scope}
    drawn = await answer(client, "/v1/kpis/pipeline_open/shape", **params)
    last = date(2024, 6, 30)
    where = ("owner", member) if member else WHOLE
    value = expected("pipeline_open", books, ask(date(2024, 6, 1), date(2024, 7, 1), where))
    assert sum(bucket["value"] for bucket in drawn["buckets"]) == value.value
    assert sum(bucket["n"] for bucket in drawn["buckets"]) == pytest.approx(float(value.n))
    if member is None:
        ages = [(last - created).days for created in created_of_open(books, last)]
        limits = [bucket["until_days"] for bucket in drawn["buckets"][:-1]]
        places = [bisect_left(limits, age) for age in ages]
        assert [b["n"] for b in drawn["buckets"]] == [places.count(n) for n in range(5)]


def created_of_open(books: Books, on: date) -> list[date]:
    found = []
    for stream in books.streams("pipeline.deal."):
        deal = stream[-1]["deal"]
        closed = deal.get("closed_at")
        if deal["status"] != "deleted" and (not closed or books.day(closed) > on):
            found.append(books.day(deal["created_at"]))
    found = [created for created in found if created <= on]
    assert len(found) == len(open_at_end(books, on))
    return found


async def test_survival_is_the_product_of_who_went_on_each_day(told: Any) -> None:
    client, books = told
    params = {"shape": "survival", "period": "2024-Q2"}
    drawn = (await answer(client, "/v1/kpis/sales_cycle_days/shape", **params))["survival"]
    won, going_on = durations(books, date(2024, 4, 1), date(2024, 7, 1))
    assert (drawn["ended"], drawn["going_on"]) == (len(won), len(going_on))
    share = 1.0
    for step, day in zip(drawn["steps"], sorted(set(won)), strict=True):
        at_risk = sum(lasted >= day for lasted in won + going_on)
        share *= 1 - won.count(day) / at_risk
        assert (step["day"], step["at_risk"]) == (day, at_risk)
        assert step["share"] == pytest.approx(share)
    assert drawn["median"] == next((s["day"] for s in drawn["steps"] if s["share"] <= 0.5), None)


def durations(books: Books, start: date, end: date) -> tuple[list[int], list[int]]:
    """Days from first contact of deals won in the period, and of those open at its end."""
    won, going_on = [], []
    for stream in books.streams("pipeline.deal."):
        deal = stream[-1]["deal"]
        contact = deal.get("lead", {}).get("captured_at") or deal["created_at"]
        closed = deal.get("closed_at")
        if deal["status"] == "deleted" or books.day(deal["created_at"]) >= end:
            continue
        if not closed or books.day(closed) >= end:
            going_on.append(max(0, (end - timedelta(days=1) - books.day(contact)).days))
            continue
        in_order = datetime.fromisoformat(contact) <= datetime.fromisoformat(closed)
        if deal["status"] == "won" and start <= books.day(closed) and in_order:
            won.append((books.day(closed) - books.day(contact)).days)
    return won, going_on


async def test_a_distribution_has_percentiles_and_those_without_a_value(told: Any) -> None:
    client, books = told
    params = {"shape": "distribution", "period": "2024"}
    drawn = await answer(client, "/v1/kpis/first_response_min/shape", **params)
    minutes = sorted(minutes_until_answer(books, ask(date(2024, 1, 1), date(2025, 1, 1))))
    told_of = drawn["distribution"]
    assert told_of["n"] == len(minutes)
    assert told_of["censored"] > 0
    for percentile in told_of["percentiles"]:
        place = -(-len(minutes) * percentile["percentile"] // 100) - 1
        assert percentile["value"] == pytest.approx(minutes[place], rel=0.01)


@pytest.mark.parametrize(
    ("against", "start", "end"),
    [
        ("previous", date(2024, 7, 1), date(2024, 8, 1)),
        ("year_before", date(2023, 8, 1), date(2023, 9, 1)),
    ],
)
async def test_a_month_is_compared_with_a_month(
    told: Any, against: str, start: date, end: date
) -> None:
    client, books = told
    answered = await answer(client, "/v1/kpis/deals_lost", period="2024-08", compare=against)
    [period] = answered["periods"]
    assert (period["compared_from_on"], period["compared_to_on"]) == (str(start), str(end))
    [row] = period["rows"]
    before = expected("deals_lost", books, ask(start, end)).value
    assert row["previous"] == before
    assert row["change"] == row["value"] - before
    assert row["relative_change"] == (row["change"] / before if before else None)


async def test_a_running_month_is_compared_with_as_many_days(told: Any) -> None:
    client, books = told
    answered = await answer(
        client, "/v1/kpis/revenue_net", period="2024-11", by="team", compare="previous"
    )
    [period] = answered["periods"]
    assert (period["compared_from_on"], period["compared_to_on"]) == ("2024-10-01", "2024-10-11")
    assert period["rows"]
    for row in period["rows"]:
        where = ("team", row["dimensions"]["team"])
        before = expected("revenue_net", books, ask(date(2024, 10, 1), date(2024, 10, 11), where))
        assert (row["previous"] or 0) == before.value


async def test_members_of_a_rate_are_ranked_by_what_they_share(told: Any) -> None:
    client, _ = told
    answered = await answer(client, "/v1/kpis/win_rate", period="2024", by="team")
    rows = answered["periods"][0]["rows"]
    total = (await answer(client, "/v1/kpis/win_rate", period="2024"))["periods"][0]["rows"][0]
    assert len(rows) > 1
    assert total["shrunken"] is None
    for row in rows:
        low, high = sorted([row["value"], total["value"]])
        assert low - 1e-9 <= row["shrunken"] <= high + 1e-9


@pytest.mark.parametrize(
    ("kpi", "params", "field"),
    [
        ("win_rate", {"shape": "funnel"}, "query.shape"),
        ("dau", {"shape": "buckets", "period": "2024-05-01"}, "query.shape"),
        ("user_retention", {"shape": "funnel"}, "query.shape"),
        ("user_retention", {"shape": "square"}, "query.shape"),
        ("user_retention", {"shape": "triangle", "age": 2}, "query.age"),
        ("user_retention", {"shape": "triangle", "by": "channel"}, "query.by"),
        ("first_response_min", {"shape": "distribution", "percentile": 90}, "query.percentile"),
        ("stage_conversion", {"shape": "funnel", "from": "2024-01-01", "to": "2025-01-01",
                              "grain": "quarter"}, "query.period"),
        ("stage_conversion", {}, "query.shape"),
    ],
)  # fmt: skip
async def test_what_a_kpi_cannot_be_drawn_as_is_refused_with_what_it_can(
    told: Any, kpi: str, params: dict[str, Any], field: str
) -> None:
    response = await told[0].get(f"/v1/kpis/{kpi}/shape", params=params)
    assert response.status_code == 422, response.text
    assert response.json()["errors"][0]["field"] == field


@pytest.mark.parametrize(
    ("kpi", "params", "field"),
    [
        ("win_rate", {"age": 1}, "query.age"),
        ("win_rate", {"unbounded": True}, "query.unbounded"),
        ("user_retention", {"age": 91, "grain": "day"}, "query.age"),
    ],
)
async def test_an_age_is_asked_only_where_there_is_one(
    told: Any, kpi: str, params: dict[str, Any], field: str
) -> None:
    response = await told[0].get(f"/v1/kpis/{kpi}", params=params)
    assert response.status_code == 422, response.text
    assert response.json()["errors"][0]["field"] == field
