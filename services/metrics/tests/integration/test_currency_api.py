"""Money in other currencies by the API: as booked, at the rates of a day, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest
import pytest_asyncio
from kpi_stories import SHOP, event
from metrics_service import Service

from events import Dimensions, Event, EventData, Money
from events.types.market import FxRatePublished
from events.types.partner import EventVoided, OrderPaid, PaymentRefunded
from events.types.pipeline import DealCreated, DealState

PAID_AT = datetime(2024, 5, 6, 12, tzinfo=UTC)
LATER = datetime(2024, 9, 1, 12, tzinfo=UTC)

pytestmark = pytest.mark.asyncio(loop_scope="module")


def told(data: EventData, at: datetime = PAID_AT, *, number: int = 1, subject: str = "") -> Event:
    return event(data, number, at, source=SHOP, subject=subject)


def order(
    name: str, minor: int, currency: str, *, rate: str | None = None, at: datetime = PAID_AT
) -> Event:
    paid = OrderPaid(
        order_id=name,
        amount=Money(amount_minor=minor, currency=currency, rate=rate),
        dimensions=Dimensions(region="East" if minor > 10_000 else "West"),
    )
    return told(paid, at)


def deal(name: str, minor: int, currency: str, *, expected: date | None = None) -> Event:
    state = DealState(
        deal_id=name,
        pipeline="standard",
        stage="first",
        stage_rank=0,
        status="open",
        episode=1,
        created_at=PAID_AT,
        amount=Money(amount_minor=minor, currency=currency),
        expected_close_on=expected,
    )
    return told(DealCreated(deal=state))


def rate(currency: str, on: date, value: str) -> FxRatePublished:
    return FxRatePublished(currency=currency, base_currency="USD", rate_on=on, rate=value)


def events() -> Iterator[Event]:
    yield order("o1", 10_000, "USD")
    yield order("o2", 20_000, "EUR", rate="1.1")
    yield order("o3", 5_000, "JPY", rate="0.0067")
    yield order("o4", 30_000, "CHF")
    yield order("o5", 40_000, "EUR", at=datetime(2024, 6, 3, 12, tzinfo=UTC))
    yield deal("d1", 3_000, "EUR", expected=date(2024, 7, 1))
    yield deal("d2", 4_000, "USD")
    refunded = Money(amount_minor=2_500, currency="EUR", rate="1.2")
    yield told(
        PaymentRefunded(refund_id="r1", source_type="order", source_id="o2", amount=refunded)
    )
    yield told(rate("EUR", date(2024, 1, 1), "1.5"))
    yield told(rate("EUR", date(2024, 6, 1), "2"))
    yield told(rate("JPY", date(2023, 1, 1), "0.01"))
    wrong = told(rate("CHF", date(2024, 1, 1), "3"))
    yield wrong
    void = EventVoided(event_id=wrong.id, reason="mistake")
    yield told(void, LATER, number=2, subject=wrong.subject)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fed(shared_service: Service) -> Service:
    await shared_service.feed(list(events()))
    await shared_service.know_until(datetime(2025, 6, 1, tzinfo=UTC))
    return shared_service


async def ask(client: httpx.AsyncClient, kpi: str = "revenue_net", **params: Any) -> Any:
    response = await client.get(f"/v1/kpis/{kpi}", params={"period": "2024-05", **params})
    assert response.status_code == 200, response.text
    return response.json()


async def test_as_booked_each_currency_is_told_in_its_own_minor_units(
    boss: httpx.AsyncClient,
) -> None:
    answer = await ask(boss, currency="as_booked")
    assert answer["currency"] is None
    assert answer["by"] == ["currency"]
    rows = {row["dimensions"]["currency"]: row for row in answer["periods"][0]["rows"]}
    assert {name: (row["value"], row["n"]) for name, row in rows.items()} == {
        "CHF": (30_000, 1),
        "EUR": (17_500, 1),
        "JPY": (5_000, 1),
        "USD": (10_000, 1),
    }
    assert not any(row["unpriced_count"] for row in rows.values())


async def test_as_booked_by_region(boss: httpx.AsyncClient) -> None:
    answer = await ask(boss, currency="as_booked", by="region", filter="region:East")
    rows = [row["dimensions"] for row in answer["periods"][0]["rows"]]
    assert rows == [
        {"region": "East", "currency": "CHF"},
        {"region": "East", "currency": "EUR"},
    ]


async def test_at_the_rates_of_a_day(boss: httpx.AsyncClient) -> None:
    answer = await ask(boss, currency="constant", rates_on="2024-05-31")
    assert (answer["currency"], answer["rates_on"]) == ("USD", "2024-05-31")
    [row] = answer["periods"][0]["rows"]
    assert row["value"] == 10_000 + 17_500 * 1.5 + 5_000
    assert row["unpriced_count"] == 1
    later = await ask(boss, currency="constant", rates_on="2024-06-01")
    assert later["periods"][0]["rows"][0]["value"] == 10_000 + 17_500 * 2 + 5_000


async def test_at_the_rates_of_today_or_of_the_day_that_is_asked_as_of(
    boss: httpx.AsyncClient,
) -> None:
    today = await ask(boss, currency="current")
    same = await ask(boss, currency="constant", rates_on=today["rates_on"])
    assert today == same
    then = await ask(boss, currency="current", as_of="2024-05-31")
    assert then["rates_on"] == "2024-05-31"


async def test_at_the_rates_that_were_known_at_an_instant(boss: httpx.AsyncClient) -> None:
    asked = {"currency": "constant", "rates_on": "2024-05-31", "as_of": "2024-07-01"}
    [row] = (await ask(boss, **asked))["periods"][0]["rows"]
    assert row["value"] == 10_000 + 17_500 * 1.5 + 5_000 + 30_000 * 3
    assert row["unpriced_count"] == 0


async def test_open_deals_are_told_as_booked_and_at_the_rates_of_a_day(
    boss: httpx.AsyncClient,
) -> None:
    booked = await ask(boss, "pipeline_open", currency="as_booked")
    rows = {
        row["dimensions"]["currency"]: (row["value"], row["n"])
        for row in booked["periods"][0]["rows"]
    }
    assert rows == {"EUR": (3_000, 1), "USD": (4_000, 1)}
    answer = await ask(boss, "pipeline_open", currency="constant", rates_on="2024-05-31")
    [row] = answer["periods"][0]["rows"]
    assert (row["value"], row["n"], row["unpriced_count"]) == (3_000 * 1.5 + 4_000, 2, 0)
    forecast = {"currency": "constant", "rates_on": "2024-05-31"}
    [row] = (await ask(boss, "pipeline_weighted", **forecast))["periods"][0]["rows"]
    assert (row["numerator"], row["n"]) == (3_000 * 1.5, 1)


async def test_a_comparison_is_in_the_same_currency(boss: httpx.AsyncClient) -> None:
    answer = await ask(boss, period="2024-06", currency="as_booked", compare="previous")
    [row] = answer["periods"][0]["rows"]
    assert row["dimensions"] == {"currency": "EUR"}
    assert (row["value"], row["previous"], row["change"]) == (40_000, 17_500, 22_500)


@pytest.mark.parametrize(
    ("kpi", "params", "detail"),
    [
        ("win_rate", {"currency": "as_booked"}, "made of no money"),
        ("time_saved", {"currency": "constant", "rates_on": "2024-05-31"}, "made of no money"),
        ("clv_predicted", {"currency": "as_booked"}, "only known in base currency"),
        ("cac", {"currency": "as_booked"}, "no currency in common"),
        ("unit_operating_cost", {"currency": "as_booked"}, "no currency in common"),
        ("cost_control", {"currency": "as_booked"}, "only known in base currency: target."),
        ("revenue_net", {"currency": "constant"}, "belong together"),
        ("revenue_net", {"rates_on": "2024-05-31"}, "belong together"),
        ("revenue_net", {"currency": "as_booked", "view": "published"}, "published in base"),
    ],
)
async def test_what_has_no_other_currency_is_refused(
    boss: httpx.AsyncClient, kpi: str, params: dict[str, str], detail: str
) -> None:
    response = await boss.get(f"/v1/kpis/{kpi}", params={"period": "2024-05", **params})
    assert response.status_code == 422
    assert detail in response.text
