"""A scope of two members is read from facts of its own, and says what the whole says of it."""

from __future__ import annotations

from typing import Any

import pytest
from kpi_histories import History

RANGE = {"from": "2024-01-01", "to": "2025-01-01", "grain": "quarter"}
KPIS = ("revenue_net", "win_rate", "pipeline_open", "customer_retention", "lead_conversion")


@pytest.mark.parametrize("as_of", [None, "2024-04-01", "2025-05-01"])
async def test_what_is_limited_is_what_is_broken_down(service: Any, as_of: str | None) -> None:
    """Broken down, no fact is left out; and the ledger is read from its other end."""
    await service.feed_all(History(41, facts=90).events)
    when = {} if as_of is None else {"as_of": as_of}
    async with service.caller() as client:

        async def rows(kpi: str, **asked: Any) -> dict[Any, Any]:
            answer = await client.get(f"/v1/kpis/{kpi}", params={**RANGE, **when, **asked})
            assert answer.status_code == 200, answer.text
            return {
                (period["period"], *row["dimensions"].values()): row["value"]
                for period in answer.json()["periods"]
                for row in period["rows"]
            }

        told = 0
        for kpi in KPIS:
            whole = await rows(kpi, by=["region", "product"])
            for _, region, product in list(whole)[:3]:
                limited = await rows(kpi, filter=[f"region:{region}", f"product:{product}"])
                for (period,), value in limited.items():
                    if (period, region, product) in whole:
                        assert value == whole[period, region, product], (kpi, region, product)
                        told += value is not None
    assert told > len(KPIS)
