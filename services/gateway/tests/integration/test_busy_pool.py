"""All connections to the database are in use: partners are told to come again, streams wait."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest

from chassis.db import POOL_CONNECTIONS

House = Any
SHOP = "https://shop.example.com"


@asynccontextmanager
async def all_in_use(house: House) -> AsyncIterator[None]:
    async with AsyncExitStack() as held:
        for _ in range(POOL_CONNECTIONS):
            await held.enter_async_context(house.app.state.resources.database.pool.acquire())
        yield


async def send(house: House, event_id: str) -> httpx.Response:
    event = {
        "specversion": "1.0",
        "id": event_id,
        "source": SHOP,
        "type": "com.tandem.partner.order.paid.v1",
        "time": "2026-03-01T10:00:00Z",
        "data": {"order_id": event_id, "amount": {"amount_minor": 1, "currency": "USD"}},
    }
    headers = house.bearer("partner", sources=[SHOP])
    headers["Content-Type"] = "application/cloudevents+json"
    content = json.dumps(event)
    answer: httpx.Response = await house.client.post("/v1/events", content=content, headers=headers)
    return answer


async def test_the_door_says_when_to_come_again_and_a_stream_goes_on_afterwards(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert (await send(house, "e1")).status_code == 202
    headers = house.bearer("partner", sources=[SHOP]) | {"Accept": "application/x-ndjson"}
    async with (
        asyncio.timeout(60),
        house.client.stream(
            "GET", "/v1/events/stream", params={"position_from": 1}, headers=headers
        ) as stream,
    ):
        lines = (line async for line in stream.aiter_lines() if line)
        assert json.loads(await anext(lines))["event"]["id"] == "e1"
        async with all_in_use(house):
            monkeypatch.setattr("chassis.db.CONNECT_SECONDS", 0.3)
            refused = await send(house, "e2")
            while "a stream of events waits" not in caplog.text:  # noqa: ASYNC110 - a line in the log
                await asyncio.sleep(0.02)
        monkeypatch.setattr("chassis.db.CONNECT_SECONDS", 30)
        assert (await send(house, "e2")).status_code == 202
        assert json.loads(await anext(lines))["event"]["id"] == "e2"
    assert refused.status_code == 503
    assert refused.headers["content-type"] == "application/problem+json"
    assert int(refused.headers["retry-after"]) > 0
