"""The whole service on a real log: what is published comes out of the API, once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from kpi_histories import PARTNERS, History
from memory_shelf import folded
from metrics_service import Service, settings_for

from events import Event, open_log
from events.cloudevents import to_record
from events.log import Log
from events.topics import apply
from local.identity import Issuer
from metrics.app import create_app
from metrics.consuming import company_of

TOPICS = Path(__file__).parents[4] / "deploy" / "kafka" / "topics.yaml"
PATIENCE_SECONDS = 60.0


@pytest.fixture(params=["kafka", "postgres"])
def own_log(request: pytest.FixtureRequest, new_database: Callable[[], str]) -> str:
    """A log of the test's own, since the service reads topics by their real names."""
    if request.param == "kafka":
        return str(request.getfixturevalue("own_kafka").url)
    return new_database()


async def test_published_events_come_out_as_figures(
    own_log: str, new_database: Callable[[str], str], tmp_path: Path
) -> None:
    events = History(21, facts=120).events
    settings = settings_for(new_database("metrics"), tmp_path, event_log=own_log)
    async with open_log(own_log) as log:
        await apply(own_log, TOPICS)
        app = create_app(settings)
        async with app.router.lifespan_context(app):
            service = Service(app, settings, Issuer.open(tmp_path))
            await publish(log, events[:200])
            await publish(log, events[150:])  # some twice, as a relay that was killed does
            shelf = folded([events], company_of(settings))
            wanted = sorted((*key, *vector) for key, vector in shelf.cells.items())
            await until(service, wanted)
            async with service.caller() as client:
                await current(client)


async def publish(log: Log, events: list[Event]) -> None:
    producer = await log.producer()
    try:
        await producer.publish([to_record(event, topic=topic_of(event)) for event in events])
    finally:
        await producer.close()


def topic_of(event: Event) -> str:
    return "partner" if event.source in PARTNERS else event.data.topic


async def until(service: Service, wanted: list[Any]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            have = await service.cells()
            if have == wanted:
                return
            await asyncio.sleep(0.1)


async def current(client: httpx.AsyncClient) -> None:
    """The answer is complete, and says until when."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            response = await client.get("/v1/kpis/revenue_net", params={"period": "2024"})
            assert response.status_code == 200, response.text
            if response.json()["complete"] and "tandem-watermark" in response.headers:
                return
            await asyncio.sleep(0.1)
