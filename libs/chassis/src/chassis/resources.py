"""What a running service holds, in one place that routes and background tasks are handed."""

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request

from chassis.clock import Clock
from chassis.cursors import CursorSeal
from chassis.db import Database
from chassis.settings import ServiceSettings
from events.doorbell import Doorbell

if TYPE_CHECKING:
    from chassis.auth.tokens import Authenticator
    from chassis.sessions import Sessions
    from chassis.telemetry import Telemetry


@dataclass(frozen=True, kw_only=True)
class Resources:
    """Everything with a lifetime that belongs to one service process."""

    settings: ServiceSettings
    clock: Clock
    database: Database
    authenticator: "Authenticator"
    cursors: CursorSeal
    telemetry: "Telemetry"
    doorbell: Doorbell
    """Rung after a commit that promised events, so that the relay need not find out by itself."""
    sessions: "Sessions | None" = None
    """Of services that keep rows as models; the others have the database's pool alone."""
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the process was told to end: streams close, background tasks return."""
    prepared: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the database was reached and found migrated: background tasks begin."""


def resources_of(request: Request) -> Resources:
    """The resources of the service that this request came to."""
    held = request.app.state.resources
    assert isinstance(held, Resources)
    return held


async def _resources(request: Request) -> Resources:
    return resources_of(request)


ResourcesDep = Annotated[Resources, Depends(_resources)]
