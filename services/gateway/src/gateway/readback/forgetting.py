"""Refused events are kept for their senders to read, and not for ever."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Final

from chassis.db import first_line
from chassis.resources import Resources
from events.database_errors import DATABASE_ERRORS
from events.inbox.feed import drop_refused
from events.waiting import is_set_within
from gateway.settings import Settings

log = logging.getLogger(__name__)

_LOOK_SECONDS: Final = 3600.0
_AGAIN_SECONDS: Final = 1.0


async def forget_refused(resources: Resources) -> None:
    """Once an hour, a bounded piece at a time."""
    settings = resources.settings
    assert isinstance(settings, Settings)
    while not resources.stopping.is_set():
        dropped = 0
        before = resources.clock.now() - timedelta(days=settings.refused_days)
        try:
            async with resources.database.pool.acquire() as connection:
                dropped = await drop_refused(connection, before=before)
        except DATABASE_ERRORS as error:
            log.warning("refused events were not forgotten, trying later: %s", first_line(error))
        await is_set_within(resources.stopping, _AGAIN_SECONDS if dropped else _LOOK_SECONDS)
