"""What waits in the service's own outbox, told by the service.

The relay tells it too. But a relay that is dead tells nothing, and silence looks like health.
"""

import logging
from typing import Final

from chassis.db import first_line
from chassis.resources import Resources
from events.database_errors import DATABASE_ERRORS
from events.outbox import measure
from events.waiting import is_set_within

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 5.0


async def watch_outbox(resources: Resources) -> None:
    """Measure depth and age until told to stop."""
    tell = resources.telemetry.observer.outbox
    while not resources.stopping.is_set():
        try:
            async with resources.database.pool.acquire() as connection:
                depth = await measure(connection)
        except DATABASE_ERRORS as error:
            log.warning("outbox not measured: %s", first_line(error))
        else:
            tell(
                resources.settings.service,
                waiting=depth.waiting,
                oldest_seconds=depth.oldest_seconds,
            )
        await is_set_within(resources.stopping, LOOK_SECONDS)
