"""While all connections are in use nobody waits for ever: requests are told so, tasks go on."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from sample.app import create_app

from chassis.db import POOL_CONNECTIONS
from chassis.resources import Resources

STOPPED = "/v1/parked/stopped"


@asynccontextmanager
async def all_in_use(resources: Resources) -> AsyncIterator[None]:
    async with AsyncExitStack() as held:
        for _ in range(POOL_CONNECTIONS):
            await held.enter_async_context(resources.database.pool.acquire())
        yield


async def test_requests_are_refused_after_a_while_and_tasks_try_again(
    make_settings: Callable[..., Any],
    client_of: Callable[..., Any],
    sample_database: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("chassis.outbox.LOOK_SECONDS", 0.05)
    app = create_app(make_settings(sample_database))
    resources: Resources = app.state.resources
    pending = "outbox_pending_events"

    async def until(holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not holds():  # noqa: ASYNC110 - what it waits for has no event
                await asyncio.sleep(0.02)

    def told() -> float | None:
        registry = resources.telemetry.registry
        return registry.get_sample_value(pending, {"database": "sample"})

    async with client_of(app) as client:
        await until(lambda: told() == 0)
        async with all_in_use(resources):
            monkeypatch.setattr("chassis.db.CONNECT_SECONDS", 0.3)
            answer = await asyncio.wait_for(client.get(STOPPED), 30)
            await until(lambda: "outbox not measured: TimeoutError" in caplog.text)
        monkeypatch.setattr("chassis.db.CONNECT_SECONDS", 30)
        resources.telemetry.observer.outbox("sample", waiting=-1, oldest_seconds=0)
        await until(lambda: told() == 0)
        later = await client.get(STOPPED)
    assert (answer.status_code, later.status_code) == (503, 200)
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) > 0
    assert answer.json()["type"] == "urn:tandem:problem:database-unavailable"
    assert "busy" in answer.json()["detail"]
