"""Fixtures of the metrics service's integration tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from metrics_service import Service, running


@pytest_asyncio.fixture
async def service(new_database: Callable[[str], str], tmp_path: Path) -> AsyncIterator[Service]:
    """A service of the test's own, with nothing in it."""
    async with running(new_database("metrics"), tmp_path) as started:
        yield started


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_service(
    module_database: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Service]:
    """A service of the module's own, with nothing in it until its `fed` feeds it."""
    async with running(module_database("metrics"), tmp_path_factory.mktemp("identity")) as started:
        yield started


@pytest_asyncio.fixture(loop_scope="module")
async def boss(fed: Service) -> AsyncIterator[httpx.AsyncClient]:
    """Who may see all of the service that the module has `fed`."""
    async with fed.caller("boss") as client:
        yield client
