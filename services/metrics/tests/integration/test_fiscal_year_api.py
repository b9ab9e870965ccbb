"""A company whose year begins in April, by the API."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kpi_stories import event, sold
from metrics_service import running

from events.types.pipeline import TargetSet

APRIL = datetime(2024, 4, 2, 12, tzinfo=UTC)
MARCH = datetime(2025, 3, 30, 12, tzinfo=UTC)
NOW = datetime(2025, 9, 10, tzinfo=UTC)


def goal(period: str, value: int) -> TargetSet:
    return TargetSet(
        target_id=period, kpi="revenue_net", scope="company", period=period, value=value
    )


async def test_quarters_and_years_are_those_of_the_company(
    new_database: Callable[..., str], tmp_path: Path
) -> None:
    url = new_database("metrics")
    async with running(url, tmp_path, fiscal_year_first_month=4) as service:
        told = [*sold("a", 1_000, APRIL), *sold("b", 500, MARCH)]
        goals = [event(goal("2025-Q1", 4_000), 1, APRIL), event(goal("2025", 3_000), 1, APRIL)]
        await service.feed([*told, *goals])
        await service.know_until(NOW)
        async with service.caller("boss") as boss:

            async def read(**params: Any) -> Any:
                answer = await boss.get("/v1/kpis/revenue_net", params=params)
                assert answer.status_code == 200, answer.text
                return answer.json()["periods"]

            [year] = await read(period="2025", target="true")
            assert (year["from_on"], year["to_on"]) == ("2024-04-01", "2025-04-01")
            [row] = year["rows"]
            assert (row["value"], row["against_target"]["attainment"]) == (1_500, 0.5)

            [quarter] = await read(period="2025-Q1", target="true", compare="year_before")
            assert (quarter["from_on"], quarter["to_on"]) == ("2024-04-01", "2024-07-01")
            assert quarter["compared_from_on"] == "2023-04-01"
            assert quarter["rows"][0]["against_target"]["attainment"] == 0.25

            span = {"from": "2024-04-01", "to": "2025-04-01"}
            quarters = await read(**span, grain="quarter")
            assert [(one["period"], one["rows"][0]["value"]) for one in quarters] == [
                ("2025-Q1", 1_000),
                ("2025-Q2", 0),
                ("2025-Q3", 0),
                ("2025-Q4", 500),
            ]
            crooked = {"from": "2024-01-01", "to": "2025-01-01", "grain": "year"}
            refused = await boss.get("/v1/kpis/revenue_net", params=crooked)
            assert refused.status_code == 422
            [error] = refused.json()["errors"]
            assert error["hint"].endswith("from=2023-04-01&to=2025-04-01")

            explained = await boss.get("/v1/kpis/revenue_net/explain", params={"period": "2025-Q4"})
            assert [fact["fact"] for fact in explained.json()["items"]] == ["deal/b"]
            diagnosed = await boss.get("/v1/diagnosis", params={"period": "2025-Q4"})
            assert diagnosed.status_code == 200, diagnosed.text
            catalogue = await boss.get("/v1/kpis")
            assert catalogue.json()["fiscal_year_first_month"] == 4
