"""Publishing: the figures of closed periods are written down, and everybody is told."""

from __future__ import annotations

import logging
from typing import Final

from chassis.clock import Clock
from events import Connection, Event, append_asyncpg
from events.types.kpi import ChangedKpi, PeriodClosed
from metrics.engine.calendar import parse_period
from metrics.engine.company import Company, date_of
from metrics.query.known import read_known
from metrics.query.opening import FiguresBeingRebuilt, open_source
from metrics.query.published import publish
from metrics.query.source import Source
from metrics.store import closings
from metrics.store.closings import Closing
from metrics.telling import SOURCE, tell_changed

log = logging.getLogger(__name__)

_CLOSER: Final = -3
"""Number of the writer of what a closing changes: workers have those from 0 on."""


async def publish_next(connection: Connection, *, company: Company, clock: Clock) -> bool:
    """Write down the figures of the next closed period; False when none waits for it."""
    async with connection.transaction(isolation="repeatable_read"):
        closing = await closings.first_unpublished(connection)
        if closing is None:
            return False
        try:
            source = await open_source(connection, company=company)
        except FiguresBeingRebuilt:
            return False
        await publish(source, closing)
        await _tell(source, closing, clock=clock)
    log.info("published %s, edition %d", closing.period, closing.edition)
    return True


async def _tell(source: Source, closing: Closing, *, clock: Clock) -> None:
    """That the period is closed; and to those who show published figures, that they changed."""
    now, period = clock.now(), parse_period(closing.period, source.company.first_month)
    closed = PeriodClosed(
        period=closing.period,
        known_at=closing.known_at,
        catalogue_version=closing.catalogue_version,
        closed_by=closing.closed_by,
    )
    event = Event.of(
        closed,
        source=SOURCE,
        sequence=closing.edition,
        occurred_at=closing.closed_at,
        recorded_at=now,
    )
    await append_asyncpg(source.connection, [event])
    _, watermark = await read_known(source.connection, source.company)
    await tell_changed(
        source.connection,
        [
            ChangedKpi(kpi=kpi.id, first_on=date_of(period.start), last_on=date_of(period.end - 1))
            for kpi in source.catalogue
        ],
        number=_CLOSER,
        writer="metrics-closing",
        watermark=watermark,
        now=now,
    )
