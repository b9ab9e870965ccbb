"""The verdict by the API: a bad quarter is found with its true cause, or nobody is named."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from bad_quarter import Company
from metrics_service import running

PERIOD = "2024-Q1"
LATER = datetime(2024, 6, 1, tzinfo=UTC)


async def diagnosed(
    url: str, folder: Path, company: Company, *, watermark: datetime = LATER, **params: Any
) -> Any:
    async with running(url, folder) as service:
        for start in range(0, len(company.events), 500):
            await service.feed(company.events[start : start + 500])
        await service.know_until(watermark)
        async with service.caller("boss") as client:
            answer = await client.get("/v1/diagnosis", params={"period": PERIOD} | params)
            revenue = await client.get(
                "/v1/kpis/revenue_net", params={"from": "2023-01-01", "to": "2024-04-01",
                                                "grain": "quarter"},
            )  # fmt: skip
    assert answer.status_code == 200, answer.text
    values = [period["rows"][0]["value"] for period in revenue.json()["periods"]]
    return answer.json(), values


@pytest.mark.parametrize(
    ("fault", "verdict", "factor"),
    [
        ("mix", "operations", "mix"),
        ("win_rate", "sales", "win_rate"),
        ("market", "market", "market"),
    ],
)
async def test_the_true_cause_is_named(
    new_database: Callable[[str], str], tmp_path: Path, fault: str, verdict: str, factor: str
) -> None:
    told, revenue = await diagnosed(new_database("metrics"), tmp_path, Company(fault=fault))
    assert told["verdict"] == verdict, told["text"]["en"]
    worst = min(told["factors"], key=lambda one: one["amount"])
    assert worst["node"] == factor
    assert told["delta"] == revenue[4] - revenue[0]
    assert sum(one["amount"] for one in told["contributions"]) == told["delta"]
    assert told["text"]["zh"]


async def test_nobody_is_named_before_the_period_is_over_or_on_too_few_facts(
    new_database: Callable[[str], str], tmp_path: Path
) -> None:
    company = Company(fault="mix", deals=20)
    told, _ = await diagnosed(new_database("metrics"), tmp_path, company)
    assert (told["verdict"], told["reason"]) == ("insufficient_data", "below_floor")
    early = datetime(2024, 3, 1, tzinfo=UTC)
    running_, _ = await diagnosed(
        new_database("metrics"), tmp_path, Company(fault="mix"), watermark=early
    )
    assert (running_["verdict"], running_["reason"]) == ("insufficient_data", "period_incomplete")
