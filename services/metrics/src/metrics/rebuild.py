"""Makes cells anew from the journal when settings or definitions have changed.

One process does it, in one transaction: killed in the middle it leaves nothing,
and the next start begins again.
"""

from __future__ import annotations

import logging
from typing import Any, Final

import asyncpg

from events import Connection
from metrics.engine.catalogue import Catalogue
from metrics.engine.company import Company
from metrics.engine.entry import Entry
from metrics.engine.fact import Ref
from metrics.folding import advance_facts, changes_of
from metrics.store import journal, pending
from metrics.store.generation import (
    Terms,
    add_generation,
    drop_others,
    live_generation,
    switch_to,
)
from metrics.store.shelf import PostgresShelf

log = logging.getLogger(__name__)

_LOCK: Final = 7_236_118_404
"""Advisory lock: one process at a time prepares the generation."""
_EVENTS_PER_WRITE: Final = 20_000
"""Folded in memory before they are written together."""
_SHARD: Final = 0


async def prepare(pool: asyncpg.Pool[Any], *, company: Company, catalogue: Catalogue) -> int:
    """See that the live generation was made under the present terms; rebuild it if not."""
    terms = Terms.of(company, catalogue)
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
        live = await live_generation(connection)
        if live is not None and live[1] == terms:
            return live[0]
        generation = await add_generation(connection, terms)
        if live is not None:
            log.info("rebuilding cells: settings or definitions differ from generation %d", live[0])
            # Batches hold this row while they write: none of them can fall between.
            await connection.execute("SELECT FROM live_generation FOR UPDATE")
            await _build(connection, generation, company=company, catalogue=catalogue)
        await switch_to(connection, generation)
        await drop_others(connection, generation)
        return generation


async def _build(
    connection: Connection, generation: int, *, company: Company, catalogue: Catalogue
) -> None:
    shelf = PostgresShelf(connection, generation=generation, shard=_SHARD)
    routed: dict[Ref, list[Entry]] = {}
    places: dict[Ref, list[int]] = {}
    read = held = 0

    async def write() -> None:
        advanced = await advance_facts(shelf, routed, company=company)
        await shelf.write(advanced, changes_of(advanced, catalogue), places=places)
        await pending.merge(connection, generation, catalogue=catalogue, shard=_SHARD)
        log.info("rebuilding cells: %d events", read)
        routed.clear()
        places.clear()

    async for block in journal.whole(connection):
        for place, ref, entry in block:
            routed.setdefault(ref, []).append(entry)
            places.setdefault(ref, []).append(place)
        read, held = read + len(block), held + len(block)
        if held >= _EVENTS_PER_WRITE:
            await write()
            held = 0
    await write()
    log.info("rebuilt cells from %d events as generation %d", read, generation)
