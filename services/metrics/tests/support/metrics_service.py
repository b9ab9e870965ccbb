"""The metrics service on a real database: fed as its consumer feeds it, asked as readers ask it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import httpx
from fastapi import FastAPI
from pydantic import SecretStr

from chassis.app import build_app
from chassis.auth.dev import DevelopmentIssuer
from chassis.clock import SetClock
from chassis.settings import DEVELOPMENT_ISSUER
from events import Event, Received
from metrics.api import kpis, quarantine
from metrics.consuming import company_of
from metrics.handler import Folder
from metrics.kpis import CATALOGUE
from metrics.rebuild import prepare
from metrics.settings import Settings

NO_LOG = "postgresql://nobody@127.0.0.1/eventlog"
NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)


def settings_for(url: str, folder: Path, *, event_log: str = NO_LOG) -> Settings:
    return Settings(
        database_url=url,
        event_log=event_log,
        environment="development",
        auth_issuer=DEVELOPMENT_ISSUER,
        auth_jwks=DevelopmentIssuer.open(folder).jwks_url,
        cursor_secret=SecretStr("a secret of sixteen or more"),
        company_time_zone="America/New_York",
        base_currency="USD",
    )


class Service:
    """The API of the service, and the handler that its consumer would call."""

    def __init__(self, app: FastAPI, settings: Settings, issuer: DevelopmentIssuer) -> None:
        self.pool: asyncpg.Pool[Any] = app.state.resources.database.pool
        self.settings = settings
        self._app = app
        self._issuer = issuer

    def caller(self, role: str = "boss", *teams: str) -> httpx.AsyncClient:
        token = self._issuer.token(roles=[role], teams=list(teams), subject=f"a {role}")
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self._app),
            base_url="http://metrics.test",
            headers={"Authorization": f"Bearer {token}"},
            timeout=60,
        )

    async def feed(self, events: Sequence[Event], *, shard: int = 0) -> None:
        """Apply a batch in a transaction of its own."""
        async with self.pool.acquire() as connection, connection.transaction():
            await self.folder(shard)(connection, [Received(e, e.source, 0, 0) for e in events])

    def folder(self, shard: int = 0) -> Folder:
        return Folder(
            company=company_of(self.settings),
            catalogue=CATALOGUE,
            shard=shard,
            clock=SetClock(NOW),
            watermark=lambda: NOW,
        )

    async def know_until(self, watermark: datetime) -> None:
        """What the consumer would write about its progress."""
        await self.pool.execute(
            "INSERT INTO consumer_positions"
            " (consumer, topic, partition, next_offset, epoch, owner, watermark)"
            " VALUES ('metrics', 'pipeline', 0, 1, 1, 'test', $1)"
            " ON CONFLICT (consumer, topic, partition) DO UPDATE SET watermark = $1",
            watermark,
        )

    async def table(self, name: str) -> list[tuple[Any, ...]]:
        """A table summed over workers: one may hold what another has taken back."""
        places = ", ".join(f"sum(a{n})::bigint" for n in range(8))
        second = ", second" if name == "ledger" else ""
        rows = await self.pool.fetch(
            f"SELECT cube, dimension, day, member, bin{second}, {places} FROM {name}"
            f" GROUP BY cube, dimension, day, member, bin{second} ORDER BY 1, 2, 3, 4, 5"
            + (", 6" if second else "")
        )
        return [tuple(row) for row in rows if any(row[-8:])]


@asynccontextmanager
async def running(url: str, folder: Path) -> AsyncIterator[Service]:
    settings = settings_for(url, folder)
    app = build_app(settings, title="metrics under test", routers=[kpis.router, quarantine.router])
    async with app.router.lifespan_context(app):
        service = Service(app, settings, DevelopmentIssuer.open(folder))
        await prepare(service.pool, company=company_of(settings), catalogue=CATALOGUE)
        yield service
