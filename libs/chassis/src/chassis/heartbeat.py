"""The heartbeat: an event that says nothing, sent to see whether events still arrive.

Every service writes one to its outbox each ten seconds; the metrics service passes it on with
what a batch changed, and the gateway notes when it hears that. The instants exported are
those at which the beat was written, so that `time() - x` is the age of the whole path.
"""

import logging
from typing import Final

from chassis.db import first_line
from chassis.resources import Resources
from events import Event, append_asyncpg, uuid7
from events.database_errors import DATABASE_ERRORS
from events.types.heartbeat import BeatEmitted
from events.waiting import is_set_within

log = logging.getLogger(__name__)

BEAT_SECONDS: Final = 10.0


async def heartbeat(resources: Resources) -> None:
    """Beat until told to stop."""
    process, count = uuid7(), 1
    while not await is_set_within(resources.stopping, BEAT_SECONDS):
        try:
            await _beat(resources, process, count)
        except DATABASE_ERRORS as error:
            # Whether that beat was committed is not known, so the count begins anew.
            log.warning("no heartbeat: %s", first_line(error))
            process, count = uuid7(), 1
        else:
            count += 1


async def _beat(resources: Resources, process: str, count: int) -> None:
    settings, now = resources.settings, resources.clock.now()
    event = Event.of(
        BeatEmitted(service=settings.service, process=process),
        source=settings.event_source,
        sequence=count,
        occurred_at=now,
        recorded_at=now,
    )
    async with resources.database.pool.acquire() as connection:
        await append_asyncpg(connection, [event])
    resources.doorbell.ring()
    resources.telemetry.heartbeat("written", service=settings.service, at=now)
