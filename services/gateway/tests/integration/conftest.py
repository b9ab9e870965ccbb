"""The gateway as a real server, before stand-ins of the services that speak HTTP on loopback."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from chassis.listening import Listener
from chassis.settings import DEVELOPMENT_ISSUER
from events import Event, open_log
from events.cloudevents import to_record
from events.log import TopicState
from events.types.kpi import ChangedKpi, KpiChanged
from gateway.app import create_app
from gateway.parts import Parts
from gateway.settings import Settings
from local.identity import Issuer

SERVICES = ("customer", "pipeline", "ops", "metrics")

Answer = Callable[[Request], Awaitable[Response]]


async def eventually(holds: Callable[[], bool], *, seconds: float = 5.0) -> None:
    """Wait until it holds; fail when it does not in time."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - what it waits for has no event
            await asyncio.sleep(0.01)


@asynccontextmanager
async def serving(*apps: ASGIApp) -> AsyncIterator[list[str]]:
    """The apps, each on a free port of this machine; they end together, as each takes time."""
    doors = [socket.socket() for _ in apps]
    for door in doors:
        door.bind(("127.0.0.1", 0))
    servers = [Listener(app) for app in apps]
    tasks = [
        asyncio.create_task(server.serve([door]))
        for server, door in zip(servers, doors, strict=True)
    ]
    await eventually(
        lambda: all(
            server.started or task.done() for server, task in zip(servers, tasks, strict=True)
        )
    )
    try:
        yield [f"http://127.0.0.1:{door.getsockname()[1]}" for door in doors]
    finally:
        for server in servers:
            server.should_exit = True
        await asyncio.gather(*tasks)
        for door in doors:
            door.close()


@dataclass
class StandIn:
    """A service that answers what a test tells it to, and keeps what it was asked."""

    name: str
    url: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)
    answers: dict[tuple[str, str], Answer] = field(default_factory=dict)

    def on(self, method: str, path: str, answer: Answer | Any, *, status: int = 200) -> None:
        """Answer with JSON, or by a function of the request."""

        async def fixed(_request: Request) -> Response:
            return JSONResponse(answer, status)

        self.answers[(method, path)] = answer if callable(answer) else fixed

    def keep_waiting(self, method: str, path: str) -> None:
        """Be slower than anybody's patience: answer when the caller has gone."""

        async def late(request: Request) -> Response:
            await request.receive()  # the body was read before
            return JSONResponse({})

        self.answers[(method, path)] = late

    def asked(self, path: str) -> list[dict[str, Any]]:
        return [request for request in self.requests if request["path"] == path]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        self.requests.append(
            {
                "method": request.method,
                "path": scope["path"],
                "raw_path": scope["raw_path"].decode(),
                "query": request.url.query,
                "headers": dict(request.headers),
                "body": await request.body(),
            }
        )
        answer = self.answers.get((request.method, scope["path"]))
        response = await answer(request) if answer else JSONResponse({"detail": "not here"}, 404)
        await response(scope, receive, send)


@dataclass
class House:
    """The gateway with all that stands behind it."""

    url: str
    app: FastAPI
    client: httpx.AsyncClient
    services: dict[str, StandIn]
    issuer: Issuer
    event_log: str
    sequence: int = 0

    def bearer(self, *roles: str, **claims: Any) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.issuer.token(roles=list(roles), **claims)}"}

    async def heard(self) -> Parts:
        """The gateway's parts, once it listens to the topic."""
        parts: Parts = self.app.state.parts
        await eventually(lambda: parts.freshness.is_heard, seconds=10)
        return parts

    async def eventually(self, holds: Callable[[], bool]) -> None:
        await eventually(holds)

    async def say_changed(self, kpi: str, first: str, last: str, *, watermark: str) -> None:
        """Publish what metrics would after folding a batch."""
        day = datetime.fromisoformat
        self.sequence += 1
        data = KpiChanged(
            writer="0",
            watermark=day(watermark),
            changed=[ChangedKpi(kpi=kpi, first_on=day(first).date(), last_on=day(last).date())],
        )
        event = Event.of(
            data,
            source="/tandem/metrics",
            sequence=self.sequence,
            occurred_at=datetime.now(UTC),
            recorded_at=datetime.now(UTC),
        )
        async with open_log(self.event_log) as log:
            producer = await log.producer()
            await producer.publish([to_record(event)])
            await producer.close()


BuildHouse = Callable[..., AbstractAsyncContextManager[House]]


@pytest.fixture
def build_house(new_database: Callable[..., str], tmp_path: Path) -> BuildHouse:
    """`async with build_house(rate_limit_requests=3) as house:` with settings of the test's own."""

    @asynccontextmanager
    async def build(**settings: Any) -> AsyncIterator[House]:
        issuer = Issuer.open(tmp_path / "identity")
        event_log = new_database()
        async with open_log(event_log) as log:
            await log.create_topic(TopicState(name="kpi", partitions=1, retention_seconds=None))
        services = {name: StandIn(name) for name in SERVICES}
        async with serving(*services.values()) as urls:
            for service, url in zip(services.values(), urls, strict=True):
                service.url = url
            made = Settings.model_validate(
                {
                    "database_url": new_database("gateway"),
                    "event_log": event_log,
                    "environment": "development",
                    "auth_issuer": DEVELOPMENT_ISSUER,
                    "auth_jwks": issuer.jwks_url,
                    "cursor_secret": "0123456789abcdef",
                    "port": 0,
                    "telemetry_port": 0,
                    **{f"{name}_url": service.url for name, service in services.items()},
                    **settings,
                }
            )
            app = create_app(made)
            async with (
                app.router.lifespan_context(app),
                serving(app) as [url],
                httpx.AsyncClient(base_url=url, timeout=20, trust_env=False) as client,
            ):
                yield House(url, app, client, services, issuer, event_log)

    return build


@pytest.fixture
async def house(build_house: BuildHouse) -> AsyncIterator[House]:
    async with build_house() as built:
        yield built
