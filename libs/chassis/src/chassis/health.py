"""Two different questions: is the process alive, and can it serve just now?"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from chassis.auth.dependencies import public
from chassis.resources import Resources, resources_of

CHECK_SECONDS: Final = 2.0

Check = Callable[[Resources], Awaitable[None]]
"""Raises when the service cannot do its work; must not look at what others can serve."""


class Health(BaseModel):
    """Answer of both questions; `checks` says which part is missing."""

    status: Literal["live", "ready", "not_ready"]
    checks: dict[str, Literal["ok", "failing"]] = {}

    @property
    def http_status(self) -> int:
        return 503 if self.status == "not_ready" else 200


async def check_all(resources: Resources, checks: Mapping[str, Check]) -> Health:
    """Ask every check, each with a deadline."""
    if resources.stopping.is_set():
        return Health(status="not_ready", checks={"running": "failing"})
    outcomes = await asyncio.gather(*(_holds(check, resources) for check in checks.values()))
    named: dict[str, Literal["ok", "failing"]] = {
        name: "ok" if holds else "failing" for name, holds in zip(checks, outcomes, strict=True)
    }
    return Health(status="ready" if all(outcomes) else "not_ready", checks=named)


async def _holds(check: Check, resources: Resources) -> bool:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await check(resources)
    except Exception:  # noqa: BLE001 - whatever it is, the answer is "not ready"
        return False
    return True


async def database_answers(resources: Resources) -> None:
    """Check that the service's database can be asked."""
    await resources.database.check()


async def schema_is_current(resources: Resources) -> None:
    """Check that the database was found migrated; later that is not asked again."""
    if not resources.prepared.is_set():
        raise SchemaBehind


class SchemaBehind(Exception):
    """The database lacks migrations, or was not looked at yet."""


def router(checks: Mapping[str, Check]) -> APIRouter:
    """The two routes, open to everybody: probes carry no token."""
    routes = APIRouter(prefix="/health", tags=["health"], dependencies=[public()])

    @routes.get("/live")
    async def live() -> Health:
        return Health(status="live")

    @routes.get("/ready")
    async def ready(request: Request, response: Response) -> Health:
        health = await check_all(resources_of(request), checks)
        response.status_code = health.http_status
        return health

    return routes
