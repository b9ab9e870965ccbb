"""Makes cells anew from the journal when settings or definitions have changed.

One process does it, in one transaction: killed in the middle it leaves nothing,
and the next start begins again.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, Final

import asyncpg

from events import Connection
from metrics.engine.catalogue import Catalogue
from metrics.engine.changes import Changes
from metrics.engine.company import Company
from metrics.engine.fact import timeline
from metrics.facts import FACT_KINDS
from metrics.folding import Advanced
from metrics.store import journal
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
_FACTS_PER_WRITE: Final = 5_000
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
    total = await connection.fetchval("SELECT count(*) FROM journal")
    advanced: list[Advanced] = []
    done = 0
    async for ref, entries in journal.by_fact(connection):
        done += len(entries)
        kind = FACT_KINDS.get(ref.kind)
        if kind is None:
            continue
        whole = timeline(kind, entries, key=ref.key, company=company)
        advanced.append(Advanced(ref, 0, whole))
        if len(advanced) >= _FACTS_PER_WRITE:
            await _write(connection, generation, advanced, catalogue=catalogue)
            log.info("rebuilding cells: %d of %d events", done, total)
            advanced = []
    await _write(connection, generation, advanced, catalogue=catalogue)
    log.info("rebuilt cells from %d events as generation %d", total, generation)


async def _write(
    connection: Connection, generation: int, advanced: Sequence[Advanced], *, catalogue: Catalogue
) -> None:
    changes = Changes(catalogue)
    for one in advanced:
        changes.add(one.advance)
    # The journal is where they come from.
    await PostgresShelf(connection, generation=generation, shard=_SHARD).keep([], advanced, changes)
