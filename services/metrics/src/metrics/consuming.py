"""The background task that keeps the figures current: see that they are ours, follow the log."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final

from chassis.db import first_line
from chassis.resources import Resources
from events import Connection, Consumer, Received, open_log
from events.database_errors import DATABASE_ERRORS
from events.waiting import is_set_within
from metrics.engine.company import Company
from metrics.engine.working_hours import parse_working_hours
from metrics.handler import Folder
from metrics.query.known import CONSUMER
from metrics.rebuild import prepare
from metrics.settings import Settings

log = logging.getLogger(__name__)

TOPICS: Final = ("customer", "pipeline", "ops", "partner")
"""What facts are made from."""
HEARTBEATS: Final = "heartbeat"


_REST_SECONDS: Final = 1.0
"""Between looks whether our figures are in force."""


def company_of(settings: Settings) -> Company:
    """The company of the settings; one object, for it remembers the days that it worked out."""
    return _company(
        time_zone=settings.company_time_zone,
        base_currency=settings.base_currency,
        working_hours=settings.working_hours,
        first_month=settings.fiscal_year_first_month,
    )


@cache
def _company(
    *, time_zone: str, base_currency: str, working_hours: str, first_month: int
) -> Company:
    return Company(
        time_zone=time_zone,
        base_currency=base_currency,
        working_hours=parse_working_hours(working_hours),
        first_month=first_month,
    )


def follow_log(settings: Settings) -> Callable[[Resources], Coroutine[Any, Any, None]]:
    """The task of a worker. Several of them share the topics' partitions."""

    async def follow(resources: Resources) -> None:
        company, pool = company_of(settings), resources.database.pool
        if not await _our_figures_in_force(settings, resources):
            return
        async with open_log(settings.event_log) as log:
            consumer: Consumer

            def watermark() -> datetime | None:
                return consumer.watermark()

            folder = Folder(
                company=company,
                shard=settings.worker_slot,
                clock=resources.clock,
                watermark=watermark,
            )

            async def fold(connection: Connection, received: Sequence[Received]) -> None:
                await folder(connection, received)
                # A moment before the commit, which does no harm: whoever is rung looks repeatedly.
                resources.doorbell.ring()

            consumer = Consumer(
                log,
                pool,
                name=CONSUMER,
                topics=(*TOPICS, HEARTBEATS),
                handler=fold,
                observer=resources.telemetry.observer,
            )
            await consumer.run(resources.stopping)

    return follow


async def _our_figures_in_force(settings: Settings, resources: Resources) -> bool:
    """Wait until they are; False when the process is to stop before."""
    company = company_of(settings)
    to_go_live = settings.rebuild_switch == "automatically"
    asked = False
    while not resources.stopping.is_set():
        try:
            live = await prepare(resources.database.pool, company=company, to_go_live=to_go_live)
        except DATABASE_ERRORS as error:
            log.warning("figures of this release are asked for again: %s", first_line(error))
        else:
            if live is not None:
                return True
            if not asked:
                log.warning("waiting until figures of this release and its settings are in force")
                asked = True
        await is_set_within(resources.stopping, _REST_SECONDS)
    return False
