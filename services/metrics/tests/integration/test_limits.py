"""What would have too much looked through is refused, with what to narrow."""

from __future__ import annotations

from typing import Any

import pytest
from kpi_histories import History

from metrics.query import limits
from metrics.query.source import Limits

TWO = {"by": ["region", "product"]}
RANGE = {"from": "2024-01-01", "to": "2025-01-01", "grain": "month"}
EMPTY = {"from": "1990-01-01", "to": "1990-02-01", "grain": "month"}


async def ask(service: Any, **asked: Any) -> Any:
    return await get(service, "/v1/kpis/revenue_net", asked)


async def get(service: Any, path: str, asked: dict[str, Any]) -> Any:
    async with service.caller() as client:
        response = await client.get(path, params=asked)
        return response.status_code, response.json()


async def test_so_many_facts_and_changes_and_no_more(
    service: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await service.feed(History(17, facts=80).events)
    await service.merge()
    assert (await ask(service, **RANGE, **TWO))[0] == 200

    monkeypatch.setattr(limits, "USUAL", Limits(facts=3, changes=3))
    status, problem = await ask(service, **RANGE, **TWO)
    assert (status, problem["title"]) == (422, limits.TooMuchToRead.title)
    assert problem["hint"] == "ask for a shorter range, or for one dimension"
    status, problem = await ask(service, **RANGE, view="current", as_of="2024-06-01")
    assert (status, problem["hint"]) == (422, "ask without as_of, or without view=current")
    status, problem = await ask(service, **RANGE, currency="as_booked")
    assert (status, problem["hint"]) == (422, "ask for a shorter range, or without currency")
    status, problem = await ask(service, **RANGE, **TWO, as_of="2024-06-01")
    assert (status, problem["errors"][0]["field"]) == (422, "query.as_of")

    # What is narrower, or kept added up, is answered.
    assert (await ask(service, **EMPTY, **TWO))[0] == 200
    nowhere = {"filter": ["region:none", "product:none"]}
    assert (await ask(service, **RANGE, **nowhere))[0] == 200
    assert (await ask(service, **RANGE, by="region"))[0] == 200
    assert (await ask(service, **EMPTY, as_of="2024-06-01"))[0] == 200


async def test_explanations_shapes_and_diagnoses_have_the_same_limits(
    service: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await service.feed(History(17, facts=80).events)
    await service.merge()
    scope = ["region:Central", "region:West", "product:p1", "product:p2"]
    asked: list[tuple[str, dict[str, Any], str]] = [
        ("/v1/kpis/win_rate/explain", {"period": "2024"}, "query.from"),
        (
            "/v1/kpis/win_rate/differences",
            {"period": "2024", "against": "2023"},
            "query.from",
        ),
        ("/v1/kpis/pipeline_open/shape", {"period": "2024", "shape": "buckets"}, "query.from"),
        ("/v1/diagnosis", {"period": "2024", "scope": scope}, "query.scope"),
        ("/v1/diagnosis", {"period": "2024", "as_of": "2024-06-01"}, "query.scope"),
        ("/v1/quality", {"period": "2024", "kpi": "revenue_net"}, "query.period"),
    ]
    for path, params, _ in asked:
        assert (await get(service, path, params))[0] == 200, path
    monkeypatch.setattr(limits, "USUAL", Limits(facts=1, changes=1))
    for path, params, field in asked:
        status, problem = await get(service, path, params)
        assert (status, problem["title"]) == (422, limits.TooMuchToRead.title), path
        assert problem["errors"][0]["field"] == field
        assert problem["hint"]
