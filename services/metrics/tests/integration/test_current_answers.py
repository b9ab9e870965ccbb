"""How current an answer is: tags, watermark, and what is said while nothing is known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from kpi_histories import History

WATERMARK = datetime(2025, 6, 1, 12, tzinfo=UTC)


async def read(service: Any, **params: Any) -> Any:
    async with service.caller() as client:
        response = await client.get("/v1/kpis/revenue_net", params=params)
    assert response.status_code == 200, response.text
    return response.json()


async def test_the_tag_changes_with_the_figures_and_with_nothing_else(
    service: Any,
) -> None:
    events = [e for e in History(12, facts=200).events if "order" in e.type]
    await service.feed(events[:-20])
    await service.know_until(WATERMARK)
    client = service.caller()
    path, params = "/v1/kpis/revenue_net", {"period": "2024"}
    first = await client.get(path, params=params)
    await service.know_until(WATERMARK + timedelta(seconds=5))
    again = await client.get(path, params=params, headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    assert again.headers["tandem-watermark"] == "2025-06-01T12:00:05.000Z"
    assert float(again.headers["tandem-lag-seconds"]) > 0
    await service.feed(events[-20:])
    changed = await client.get(
        path, params=params, headers={"If-None-Match": first.headers["etag"]}
    )
    assert changed.status_code == 200
    assert changed.headers["etag"] != first.headers["etag"]


async def test_without_facts_a_sum_is_zero_only_if_nothing_is_missing(service: Any) -> None:
    before = await read(service, period="2024")
    await service.know_until(WATERMARK)
    after = await read(service, period="2024")
    by_owner = await read(service, period="2024", by="owner")
    row = before["periods"][0]["rows"][0]
    assert (before["complete"], row["value"], row["reason"]) == (False, None, "incomplete")
    row = after["periods"][0]["rows"][0]
    assert (after["complete"], row["value"], row["reason"]) == (True, 0, None)
    assert by_owner["periods"][0]["rows"] == []
