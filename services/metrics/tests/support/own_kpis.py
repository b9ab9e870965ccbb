"""Own KPIs to define over HTTP, and how far they are."""

from __future__ import annotations

from typing import Any, Final

import httpx

from metrics.rebuild import Pace

SLOWLY: Final = Pace(events_per_step=25, blocks_per_read=5, last_blocks=5)
"""So that a test can look at a build while it runs."""
PAID: Final[dict[str, Any]] = {
    "id": "paid_minus_refunds",
    "name": {"en": "Paid", "zh": "已付"},
    "unit": "money",
    "better": "up",
    "value": [{"sum": "order.paid"}, {"minus": {"sum": "sale.refunded"}}],
}
WEST: Final[dict[str, Any]] = {
    "id": "won_in_west",
    "name": {"en": "Won in the west", "zh": "西区赢单"},
    "unit": "count",
    "better": "up",
    "grain": "day",
    "value": [{"count": "deal.won"}],
    "where": {"region": ["West"]},
}


async def sent(client: httpx.AsyncClient, method: str, path: str, body: Any) -> httpx.Response:
    response = await client.request(method, path, json=body)
    assert response.status_code == 202, response.text
    return response


async def states(client: httpx.AsyncClient) -> dict[str, str]:
    listed = (await client.get("/v1/kpis/definitions")).json()["items"]
    return {one["id"]: one["state"] for one in listed}
