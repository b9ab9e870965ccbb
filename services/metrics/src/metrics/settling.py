"""What has settled is packed more tightly, a little at a time: the ledger and the cells of months
that are over, of the live figures.
"""

from __future__ import annotations

from typing import Final

from chassis.clock import Clock
from events import Connection
from metrics.catalogues import catalogue_for
from metrics.engine.company import SECOND, Company, micros_of
from metrics.store import months
from metrics.store.compacting import USUAL, Sizes, compact
from metrics.store.generation import live_generation

AGE_SECONDS: Final = 3_600
"""Younger changes are what most questions as of an instant have to open."""


async def settle(
    connection: Connection,
    *,
    company: Company,
    clock: Clock,
    age_seconds: int = AGE_SECONDS,
    sizes: Sizes = USUAL,
) -> bool:
    """Compact some of it; False when nothing is due. Only one process may do it."""
    async with connection.transaction():
        live = await live_generation(connection)
        catalogue = None if live is None else catalogue_for(live.terms, company)
        if live is None or catalogue is None:
            return False
        now = micros_of(clock.now())
        if await months.add_up(connection, live.id, before=company.day(now)):
            return True
        before = now // SECOND - age_seconds
        return await compact(connection, live.id, catalogue=catalogue, before=before, sizes=sizes)
