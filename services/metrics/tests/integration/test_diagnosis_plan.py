"""A diagnosis against targets: how far a plan was missed, and never whose fault that is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from bad_quarter import PIPELINE, Company
from metrics_service import running

from events import Event
from events.types.pipeline import TargetSet

LATER = datetime(2024, 6, 1, tzinfo=UTC)
IN_MAY = datetime(2024, 5, 1, tzinfo=UTC)
MINOR = 5_000_000_000
"""Of every target: more than the company ever books."""
TARGETS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("2024-01", {}),
    ("2024-02", {}),
    ("2023-Q4", {}),
    ("2024-Q1", {"scope": "region", "scope_value": "North"}),
)


def goal(number: int, period: str, *, at: datetime, **scope: Any) -> Event:
    scope = {"scope": "company"} | scope
    data = TargetSet(
        target_id=f"goal-{number}", period=period, kpi="revenue_net", value=MINOR, **scope
    )
    return Event.of(
        data, source=PIPELINE, sequence=1, occurred_at=at, recorded_at=at, id=data.target_id
    )


def goals() -> Iterator[Event]:
    early = datetime(2022, 1, 1, tzinfo=UTC)
    for number, (period, scope) in enumerate(TARGETS):
        yield goal(number, period, at=early, **scope)
    yield goal(len(TARGETS), "2024-03", at=IN_MAY)


@pytest.fixture
async def client(new_database: Callable[[str], str], tmp_path: Path) -> AsyncIterator[Any]:
    events = [*Company(fault="win_rate").events, *goals()]
    events.sort(key=lambda event: (event.recordedtime, event.sequence))
    async with running(new_database("metrics"), tmp_path) as service:
        for start in range(0, len(events), 500):
            await service.feed(events[start : start + 500])
        await service.know_until(LATER)
        async with service.caller("boss") as boss:
            yield boss


async def asked(client: Any, **params: Any) -> Any:
    query = {"period": "2024-Q1", "baseline": "plan"} | params
    answer = await client.get("/v1/diagnosis", params=query)
    return answer.status_code, answer.json()


async def test_a_plan_is_missed_by_nobody_in_particular_and_what_is_lacking_is_said(
    client: Any,
) -> None:
    quarter = {"from": "2024-01-01", "to": "2024-04-01", "grain": "quarter"}
    booked = (await client.get("/v1/kpis/revenue_net", params=quarter)).json()
    [row] = booked["periods"][0]["rows"]
    _, told = await asked(client)
    assert told["baseline"] == {"kind": "plan", "amount": 3 * MINOR, "season": 1.0}
    assert (told["current"], told["delta"]) == (row["value"], row["value"] - 3 * MINOR)
    assert (told["verdict"], told["reason"]) == ("insufficient_data", "plan_undivided")
    [part] = told["contributions"]
    assert (part["owner"], part["amount"]) == ("unassigned", told["delta"])
    assert (told["order"], told["actions"], told["residual"]) == ([], [], 0)

    _, of_north = await asked(client, scope="region:North")
    assert of_north["baseline"]["amount"] == MINOR
    assert of_north["current"] < told["current"]

    incomplete: tuple[tuple[dict[str, Any], str], ...] = (
        # March was set in May: a month without its target makes no quarter.
        ({"as_of": "2024-04-15"}, "revenue_net 2024-03"),
        ({"scope": "region:South"}, "revenue_net 2024-Q1 region:South"),
        ({"period": "2023-Q3"}, "revenue_net 2023-Q3"),
        (
            {"period": "2023"},
            "revenue_net 2023-Q1, revenue_net 2023-Q2, revenue_net 2023-Q3",
        ),
    )
    for query, lacking in incomplete:
        _, refused = await asked(client, **query)
        assert (refused["verdict"], refused["reason"]) == ("insufficient_data", "no_baseline")
        assert refused["helps"] == {"targets": lacking}
        assert lacking in refused["text"]["en"]

    refusals: tuple[tuple[dict[str, Any], str], ...] = (
        ({"lens": "profit"}, "query.lens"),
        ({"scope": ["region:North", "channel:ads"]}, "query.scope"),
    )
    for query, field in refusals:
        status, problem = await asked(client, **query)
        assert (status, problem["errors"][0]["field"]) == (422, field)
