"""The ops service on a real database, called as its users call it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr

from chassis.settings import DEVELOPMENT_ISSUER
from local.identity import Issuer
from ops.app import create_app
from ops.settings import Settings


class Service:
    """A running service: callers with roles, and what it promised to the log."""

    def __init__(self, app: Any, issuer: Issuer, url: str) -> None:
        self._app = app
        self._issuer = issuer
        self._url = url

    def caller(self, role: str = "admin", *teams: str) -> httpx.AsyncClient:
        token = self._issuer.token(roles=[role], teams=list(teams), subject=f"a {role}")
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self._app),
            base_url="http://ops.test",
            headers={"Authorization": f"Bearer {token}"},
            timeout=60,
        )

    async def rows(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self._url)
        try:
            return list(await connection.fetch(query, *arguments))
        finally:
            await connection.close()

    async def promised(self, subject: str) -> list[tuple[int, str, dict[str, Any]]]:
        """Version, short type and payload of a subject's events, in the order promised."""
        rows = await self.rows(
            "SELECT aggregate_version, type, payload FROM outbox"
            " WHERE aggregateid = $1 ORDER BY id",
            subject,
        )
        return [
            (
                row["aggregate_version"],
                row["type"].removeprefix("com.tandem.ops.").removesuffix(".v1"),
                json.loads(row["payload"]),
            )
            for row in rows
        ]

    async def counted(self, table: str) -> int:
        (row,) = await self.rows(f"SELECT count(*) FROM {table}")
        return int(row[0])


@asynccontextmanager
async def running(url: str, folder: Path) -> AsyncIterator[Service]:
    issuer = Issuer.open(folder)
    settings = Settings(
        database_url=url,
        event_log="postgresql://nobody@127.0.0.1:1/eventlog",
        environment="development",
        auth_issuer=DEVELOPMENT_ISSUER,
        auth_jwks=issuer.jwks_url,
        cursor_secret=SecretStr("a secret of sixteen or more"),
    )
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        yield Service(app, issuer, url)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service(
    module_database: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    async with running(module_database("ops"), tmp_path_factory.mktemp("identity")) as started:
        yield started


@pytest_asyncio.fixture(loop_scope="module")
async def admin(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    async with service.caller("admin") as client:
        yield client
