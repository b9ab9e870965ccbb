"""A service and its own outbox: it rings the relay, and tells what waits."""

import asyncio
from collections.abc import Callable
from typing import Any

import asyncpg
import httpx
import pytest
from sample.app import create_app

from events.doorbell import CHANNEL

NOTE = {"id": "n1", "title": "first", "amount_minor": 5}


async def test_the_relay_is_rung_when_the_events_can_be_seen(
    online: httpx.AsyncClient, sample_database: str
) -> None:
    listener = await asyncpg.connect(sample_database)
    rung = asyncio.Event()
    try:
        await listener.add_listener(CHANNEL, lambda *_: rung.set())
        assert (await online.post("/v1/notes", json=NOTE)).status_code == 201
        await asyncio.wait_for(rung.wait(), 15)
        assert await listener.fetchval("SELECT count(*) FROM outbox WHERE aggregateid = 'n1'") == 1
    finally:
        await listener.close()


async def test_a_service_tells_what_waits_in_its_outbox_whether_a_relay_lives_or_not(
    make_settings: Callable[..., Any],
    client_of: Callable[..., Any],
    sample_database: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("chassis.outbox.LOOK_SECONDS", 0.05)
    monkeypatch.setattr("chassis.heartbeat.BEAT_SECONDS", 600)
    app = create_app(make_settings(sample_database))
    read = app.state.resources.telemetry.registry.get_sample_value

    async def until_pending(expected: float) -> None:
        async with asyncio.timeout(15):
            while read("outbox_pending_events", {"database": "sample"}) != expected:  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    async with client_of(app) as client:
        await until_pending(0)
        await client.post("/v1/notes", json=NOTE)
        await until_pending(1)
    connection = await asyncpg.connect(sample_database)
    written = await connection.fetchval(
        "SELECT extract(epoch FROM recorded_at)::float8 FROM outbox"
    )
    await connection.close()
    oldest = read("outbox_oldest_pending_timestamp_seconds", {"database": "sample"})
    assert oldest == pytest.approx(written, abs=5)
