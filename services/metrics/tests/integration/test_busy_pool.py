"""While all connections to the database are in use, readers are told so and the worker goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from metrics_service import Service, settings_for

from chassis.app import build_app
from chassis.db import POOL_CONNECTIONS
from chassis.resources import Resources
from events.topics import apply
from local.identity import Issuer
from metrics.app import ROUTERS
from metrics.consuming import follow_log
from metrics.merging import merge_pending

TOPICS = Path(__file__).parents[4] / "deploy" / "kafka" / "topics.yaml"
TRIED_AGAIN = ("figures of this release are asked for again", "merging is tried again")


async def test_readers_are_refused_after_a_while_and_the_worker_tries_again(
    new_database: Callable[..., str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    event_log = new_database()
    await apply(event_log, TOPICS)
    settings = settings_for(new_database("metrics"), tmp_path, event_log=event_log)
    app = build_app(settings, title="metrics under test", routers=ROUTERS)
    resources: Resources = app.state.resources
    async with app.router.lifespan_context(app), asyncio.timeout(60):
        service = Service(app, settings, Issuer.open(tmp_path))
        await resources.prepared.wait()
        async with AsyncExitStack() as held:
            for _ in range(POOL_CONNECTIONS):
                await held.enter_async_context(service.pool.acquire())
            monkeypatch.setattr("chassis.db.CONNECT_SECONDS", 0.3)
            tasks = [
                asyncio.create_task(task(settings)(resources))
                for task in (follow_log, merge_pending)
            ]
            async with service.caller() as client:
                refused = await client.get("/v1/kpis/revenue_net", params={"period": "2025-05"})
            while not all(line in caplog.text for line in TRIED_AGAIN):  # noqa: ASYNC110 - a log
                await asyncio.sleep(0.02)
        monkeypatch.setattr("chassis.db.CONNECT_SECONDS", 30)
        while not await service.pool.fetchval("SELECT count(*) FROM consumer_members"):  # noqa: ASYNC110 - a database
            await asyncio.sleep(0.02)
        async with service.caller() as client:
            answered = await client.get("/v1/kpis/revenue_net", params={"period": "2025-05"})
        resources.stopping.set()
        await asyncio.gather(*tasks)
    assert (refused.status_code, answered.status_code) == (503, 200)
    assert int(refused.headers["retry-after"]) > 0
