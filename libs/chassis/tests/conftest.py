"""The sample service in a test's hands: settings, tokens, a client without sockets."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime

import httpx
import pytest
from fastapi import FastAPI
from sample.app import create_app
from sample.settings import Settings

from chassis.clock import SetClock
from chassis.migrations import migrate
from chassis.settings import DEVELOPMENT_ISSUER
from local.identity import Issuer

NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"
NOW = datetime(2024, 5, 1, 12, tzinfo=UTC)

MakeSettings = Callable[..., Settings]
Client = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture(scope="session")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Issuer:
    return Issuer.open(tmp_path_factory.mktemp("identity"))


@pytest.fixture
def make_settings(issuer: Issuer) -> MakeSettings:
    def make(database_url: str = NOWHERE) -> Settings:
        return Settings.model_validate(
            {
                "database_url": database_url,
                "event_log": "kafka://127.0.0.1:1",
                "environment": "development",
                "auth_issuer": DEVELOPMENT_ISSUER,
                "auth_jwks": issuer.jwks_url,
                "cursor_secret": "a secret for tests only",
            }
        )

    return make


@pytest.fixture
def clock() -> SetClock:
    return SetClock(NOW)


@pytest.fixture
def headers(issuer: Issuer) -> Callable[..., dict[str, str]]:
    """Headers of a caller with a role, and teams."""

    def make(role: str = "admin", *teams: str) -> dict[str, str]:
        return {"authorization": f"Bearer {issuer.token(roles=[role], teams=teams)}"}

    return make


@pytest.fixture
def client_of(headers: Callable[..., dict[str, str]]) -> Client:
    """A client of an app inside its lifespan, as an admin unless told otherwise."""

    @asynccontextmanager
    async def make(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(
                transport=transport, base_url="http://sample", headers=headers()
            ) as client,
        ):
            yield client

    return make


@pytest.fixture
async def offline(
    make_settings: MakeSettings, client_of: Client
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the sample service whose database is away."""
    async with client_of(create_app(make_settings())) as client:
        yield client


@pytest.fixture
async def online(
    make_settings: MakeSettings, client_of: Client, sample_database: str
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the sample service with a fresh database."""
    async with client_of(create_app(make_settings(sample_database))) as client:
        yield client


@pytest.fixture
async def sample_database(new_database: Callable[..., str]) -> str:
    """A fresh database, migrated for the sample service."""
    url = new_database()
    await migrate("sample", url)
    return url
