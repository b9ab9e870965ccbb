"""The background task that adds what batches left pending to the cells, many batches at a time.

Readers add up cells and what is pending, so that a commit need not wait for this and
no answer is older for it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any, Final

import asyncpg

from chassis.db import first_line
from chassis.resources import Resources
from events.database_errors import DATABASE_ERRORS
from events.waiting import is_set_within
from metrics.catalogues import catalogue_held
from metrics.consuming import company_of
from metrics.engine.company import Company
from metrics.settings import Settings
from metrics.store import pending
from metrics.store.generation import GenerationChanged, hold_generation

log = logging.getLogger(__name__)

REST_SECONDS: Final = 0.5
"""Between merges: the longer, the more changes meet in a row, and the more readers add up."""
_REST_TO_WORK: Final = 3.0
"""At least so many times as long as the last merge took: the rest of the time is for batches."""


def merge_pending(settings: Settings) -> Callable[[Resources], Coroutine[Any, Any, None]]:
    """The task of a worker. Several of them take different changes.

    Raises GenerationChanged when figures that are not of our release and settings went
    live: then the whole process has to end, and does so within moments of the switch.
    """

    async def run(resources: Resources) -> None:
        company, pool = company_of(settings), resources.database.pool
        were_ours = False
        while not resources.stopping.is_set():
            begun = time.monotonic()
            try:
                await merge(pool, company=company, shard=settings.worker_slot)
                were_ours = True
            except GenerationChanged:
                if were_ours:
                    raise
                log.debug("our figures are not in force yet")
            except DATABASE_ERRORS as error:
                log.warning("merging is tried again: %s", first_line(error))
            rest = max(REST_SECONDS, _REST_TO_WORK * (time.monotonic() - begun))
            await is_set_within(resources.stopping, rest)

    return run


async def merge(pool: asyncpg.Pool[Any], *, company: Company, shard: int) -> int:
    """Add what is pending to the shard's cells; returns how many deltas there were.

    Raises GenerationChanged.
    """
    async with pool.acquire() as connection, connection.transaction():
        held = await hold_generation(connection, shard=shard)
        catalogue = catalogue_held(held, company)
        return await pending.merge(connection, held.generation, catalogue=catalogue, shard=shard)
