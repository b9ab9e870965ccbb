"""Predicted values by the API: from customers' orders, by members, with the model behind them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio
from customer_lives import lives
from metrics_service import Service

from events import Dimensions, Event, Money
from events.types.partner import OrderPaid
from metrics.models.customers import DAYS_A_YEAR
from metrics.models.purchasing import Purchasing

FIRST = datetime(2022, 1, 1, 12, tzinfo=UTC)
MONTH = "2024-12"
UNTIL = (datetime(2025, 1, 1, tzinfo=UTC) - FIRST).days + 1
PEOPLE = lives(
    Purchasing(r=1.2, alpha=20.0, a=1.3, b=4.0), customers=620, years=UNTIL / DAYS_A_YEAR, seed=3
)
FEW = 40
"""Customers of the small region."""

pytestmark = pytest.mark.asyncio(loop_scope="module")


def region_of(customer: int) -> str:
    return "small" if customer < FEW else "large"


def orders() -> Iterator[Event]:
    for customer, life in enumerate(PEOPLE):
        for number, (day, minor) in enumerate(life):
            at = FIRST + timedelta(days=day)
            paid = OrderPaid(
                order_id=f"{customer}-{number}",
                customer_id=f"c{customer}",
                amount=Money(amount_minor=minor or 0, currency="USD"),
                dimensions=Dimensions(region=region_of(customer)),
            )
            yield Event.of(paid, source="/shop/a", sequence=1, occurred_at=at, recorded_at=at)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fed(shared_service: Service) -> Service:
    """A service that was fed three years of orders. Tests only read it."""
    events = sorted(orders(), key=lambda event: event.recordedtime)
    await shared_service.feed_all(events, at_once=500)
    await shared_service.know_until(datetime(2025, 1, 20, tzinfo=UTC))
    return shared_service


async def get(client: httpx.AsyncClient, path: str, **params: Any) -> Any:
    response = await client.get(path, params={"period": MONTH, **params})
    assert response.status_code == 200, response.text
    return response.json()


async def one_row(client: httpx.AsyncClient, **params: Any) -> Any:
    [period] = (await get(client, "/v1/kpis/clv_predicted", **params))["periods"]
    [row] = period["rows"]
    return row


async def test_customers_are_worth_what_the_model_expects(boss: httpx.AsyncClient) -> None:
    row = await one_row(boss)
    assert row["n"] == len(PEOPLE)
    assert row["reason"] is None
    assert row["mature"]
    assert row["value"] == pytest.approx(row["numerator"] / len(PEOPLE), abs=1)
    bought = sum(minor or 0 for life in PEOPLE for day, minor in life if day >= UNTIL - DAYS_A_YEAR)
    # Customers leave and none come: less than they bought in the year before, but not nothing.
    assert 0.3 * bought < row["numerator"] < bought


async def test_members_add_up_to_the_company_and_few_customers_tell_nothing(
    boss: httpx.AsyncClient,
) -> None:
    [period] = (await get(boss, "/v1/kpis/clv_predicted", by="region"))["periods"]
    rows = {row["dimensions"]["region"]: row for row in period["rows"]}
    assert {name: row["n"] for name, row in rows.items()} == {
        "large": len(PEOPLE) - FEW,
        "small": FEW,
    }
    assert (rows["small"]["value"], rows["small"]["reason"]) == (None, "below_floor")
    assert rows["large"]["value"] is not None
    assert rows["large"] == {
        **(await one_row(boss, filter="region:large")),
        "dimensions": {"region": "large"},
    }


async def test_the_model_is_shown_with_how_well_it_foresaw_the_last_year(
    boss: httpx.AsyncClient,
) -> None:
    model = await get(boss, "/v1/kpis/clv_predicted/model")
    assert model["fitted_to"] == model["n"] == len(PEOPLE)
    assert model["value"] == (await one_row(boss))["value"]
    assert model["known_until"] == "2025-01-01"
    assert set(model["purchasing"]) == {"r", "alpha", "a", "b"}
    held_out = model["holdout"]
    assert held_out["days"] == DAYS_A_YEAR
    assert 0 <= held_out["error"] <= held_out["tolerance"] == 0.3
    assert held_out["error"] == pytest.approx(
        abs(held_out["expected_purchases"] / held_out["purchases"] - 1), abs=1e-5
    )


async def test_as_of_a_day_only_what_was_known_counts(boss: httpx.AsyncClient) -> None:
    early = await one_row(boss, as_of="2024-06-30")
    known = sum(
        life[0].day <= (datetime(2024, 6, 30, tzinfo=UTC) - FIRST).days + 1 for life in PEOPLE
    )
    assert early["n"] == pytest.approx(known, abs=2)
    assert early["reason"] == "immature"


async def test_a_month_with_too_few_customers_tells_nothing(boss: httpx.AsyncClient) -> None:
    row = await one_row(boss, period="2022-03")
    assert 0 < row["n"] < 500
    assert (row["value"], row["reason"]) == (None, "below_floor")


async def test_a_month_that_has_not_begun_is_immature(boss: httpx.AsyncClient) -> None:
    row = await one_row(boss, period="2025-02")
    assert (row["value"], row["reason"], row["mature"]) == (None, "immature", False)


@pytest.mark.parametrize(
    ("path", "params", "detail"),
    [
        ("clv_predicted/explain", {}, "no facts add up to it"),
        ("clv_predicted/differences", {"against": "2024-11"}, "no facts add up to it"),
        ("revenue_net/model", {}, "not predicted by a model"),
        ("clv_predicted", {"period": "2024"}, "no values by year"),
    ],
)
async def test_what_a_model_does_not_have_is_refused(
    boss: httpx.AsyncClient, path: str, params: dict[str, str], detail: str
) -> None:
    response = await boss.get(f"/v1/kpis/{path}", params={"period": MONTH, **params})
    assert response.status_code == 422
    assert detail in response.text
