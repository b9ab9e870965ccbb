"""Fixtures of the metrics service's integration tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest_asyncio
from metrics_service import Service, running


@pytest_asyncio.fixture
async def service(new_database: Callable[[str], str], tmp_path: Path) -> AsyncIterator[Service]:
    """A service of the test's own, with nothing in it."""
    async with running(new_database("metrics"), tmp_path) as started:
        yield started
