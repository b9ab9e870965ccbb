"""The metrics service on a real database: fed as its consumer feeds it, asked as readers ask it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import httpx
from fastapi import FastAPI
from memory_shelf import cells_of
from pydantic import SecretStr

from chassis.app import build_app
from chassis.clock import SetClock
from chassis.settings import DEVELOPMENT_ISSUER
from events import Event, Received
from local.identity import Issuer
from metrics.app import ROUTERS
from metrics.consuming import company_of
from metrics.engine.changes import Delta
from metrics.engine.company import Company
from metrics.handler import Folder
from metrics.kpis import CATALOGUE
from metrics.merging import merge
from metrics.publishing import publish_next
from metrics.rebuild import Pace, move_on, prepare
from metrics.settings import Settings
from metrics.store.packing import unpack_bodies, unpack_deltas
from metrics.store.pages import cells_in

NO_LOG = "postgresql://nobody@127.0.0.1/eventlog"
NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)
_LIVE = "generation = (SELECT generation FROM live_generation)"


def settings_for(url: str, folder: Path, *, event_log: str = NO_LOG) -> Settings:
    return Settings(
        database_url=url,
        event_log=event_log,
        environment="development",
        auth_issuer=DEVELOPMENT_ISSUER,
        auth_jwks=Issuer.open(folder).jwks_url,
        cursor_secret=SecretStr("a secret of sixteen or more"),
        company_time_zone="America/New_York",
        base_currency="USD",
    )


class Service:
    """The API of the service, and the handler that its consumer would call."""

    def __init__(self, app: FastAPI, settings: Settings, issuer: Issuer) -> None:
        self.pool: asyncpg.Pool[Any] = app.state.resources.database.pool
        self.settings = settings
        self._app = app
        self._issuer = issuer
        self._batches = 0

    def caller(self, role: str = "boss", *teams: str) -> httpx.AsyncClient:
        token = self._issuer.token(roles=[role], teams=list(teams), subject=f"a {role}")
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self._app),
            base_url="http://metrics.test",
            headers={"Authorization": f"Bearer {token}"},
            timeout=60,
        )

    async def feed(self, events: Sequence[Event], *, shard: int = 0) -> None:
        """Apply a batch in a transaction of its own; every fourth merges what is pending."""
        async with self.pool.acquire() as connection, connection.transaction():
            await self.folder(shard)(connection, [Received(e, e.source, 0, 0) for e in events])
        self._batches += 1
        if self._batches % 4 == 3:
            await self.merge(shard)

    async def feed_all(self, events: Sequence[Event], *, at_once: int = 20) -> None:
        for start in range(0, len(events), at_once):
            await self.feed(events[start : start + at_once])

    async def merge(self, shard: int = 0) -> int:
        return await merge(self.pool, company=company_of(self.settings), shard=shard)

    def folder(self, shard: int = 0) -> Folder:
        return Folder(
            company=company_of(self.settings),
            shard=shard,
            clock=SetClock(NOW),
            watermark=lambda: NOW,
        )

    async def prepare(self, company: Company | None = None) -> int:
        """See that the figures of a company are in force, doing what the keeper would do."""
        company = company or company_of(self.settings)
        while (live := await prepare(self.pool, company=company)) is None:
            await self.keep(company)
        return live

    async def keep(self, company: Company | None = None, *, pace: Pace | None = None) -> int:
        """Do all work on generations that waits to be done; returns in how many steps."""
        company = company or company_of(self.settings)
        steps = 0
        async with self.pool.acquire() as connection:
            while await move_on(connection, company=company, clock=SetClock(NOW), pace=pace):
                steps += 1
        return steps

    async def publish(self) -> None:
        """Write down the figures of closed periods, as the keeper does."""
        async with self.pool.acquire() as connection:
            company = company_of(self.settings)
            while await publish_next(connection, company=company, clock=SetClock(NOW)):
                pass

    async def know_until(self, watermark: datetime) -> None:
        """What the consumer would write about its progress."""
        await self.pool.execute(
            "INSERT INTO consumer_positions"
            " (consumer, topic, partition, next_offset, epoch, owner, watermark)"
            " VALUES ('metrics', 'pipeline', 0, 1, 1, 'test', $1)"
            " ON CONFLICT (consumer, topic, partition) DO UPDATE SET watermark = $1",
            watermark,
        )

    async def cells(self) -> list[tuple[Any, ...]]:
        """Cells summed over workers (one may hold what another took back), and what is pending."""
        sums: dict[Any, list[int]] = {}
        async with self.snapshot() as connection:
            rows = await connection.fetch(f"SELECT * FROM cells WHERE {_LIVE}")
            waiting = await self._pending(connection)
        for row in rows:
            page = row["cube"], row["dimension"], row["day"]
            _add(sums, [((*page, m, bin_), vector) for m, bin_, *vector in cells_in(row["body"])])
        _add(sums, cells_of([(moment, times) for _, moment, times in waiting]))
        return sorted((*key, *vector) for key, vector in sums.items() if any(vector))

    async def ledger(self) -> list[tuple[Any, ...]]:
        """What the ledger and what is pending add to cells in each second."""
        async with self.snapshot() as connection:
            deltas = await self._pending(connection)
            for (packed,) in await connection.fetch(f"SELECT body FROM ledger WHERE {_LIVE}"):
                for body in unpack_bodies(packed):
                    deltas += unpack_deltas(body, CATALOGUE.layout.kinds)
        sums: dict[Any, list[int]] = {}
        for second, moment, times in deltas:
            by_key = cells_of([(moment, times)])
            _add(sums, [((*key, second), vector) for key, vector in by_key])
        return sorted((*key, *vector) for key, vector in sums.items() if any(vector))

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Any]:
        async with (
            self.pool.acquire() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            yield connection

    async def _pending(self, connection: Any) -> list[Delta]:
        rows = await connection.fetch(f"SELECT body FROM pending WHERE {_LIVE}")
        return [d for (body,) in rows for d in unpack_deltas(body, CATALOGUE.layout.kinds)]


def _add(sums: dict[Any, list[int]], cells: Iterable[tuple[Any, Sequence[int]]]) -> None:
    for key, vector in cells:
        known = sums.get(key, [0] * len(vector))
        sums[key] = [a + b for a, b in zip(known, vector, strict=True)]


@asynccontextmanager
async def running(url: str, folder: Path, **chosen: Any) -> AsyncIterator[Service]:
    settings = settings_for(url, folder).model_copy(update=chosen)
    app = build_app(settings, title="metrics under test", routers=ROUTERS)
    async with app.router.lifespan_context(app):
        service = Service(app, settings, Issuer.open(folder))
        await service.prepare()
        yield service
