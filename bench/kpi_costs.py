"""What each class of KPIs costs an event, and what is kept takes on disk.

The same deal events are folded into a catalogue of one class after the other. All facts are
folded and kept in any case, since facts know no KPI: that is the first line; what a class
adds to it is finding, packing, slicing and writing the changes that its KPIs count.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import asyncpg
import msgspec

from bench.processor_time import Parties
from bench.report import Figure
from metrics.engine.catalogue import Catalogue
from metrics.engine.company import Company
from metrics.engine.entry import Entry
from metrics.folding import fold
from metrics.kpis import CATALOGUE
from metrics.kpis.diagnosis import DIAGNOSIS_INPUTS
from metrics.store import pending
from metrics.store.journal import blocks_for
from metrics.store.pages import cells_in
from metrics.store.shelf import PostgresShelf

_BATCH: Final = 5_000
_ROUNDS: Final = 3
"""What else runs on the machine comes and goes; it only ever adds."""
_ELSEWHERE: Final = 1_000
"""Generations and journal blocks from here on are nobody's."""

_KEPT: Final = """
SELECT (SELECT pg_total_relation_size('facts')::float / count(*) FROM facts),
       (SELECT pg_total_relation_size('cells')::float / count(*) FROM cells),
       (SELECT pg_total_relation_size('journal')), (SELECT pg_total_relation_size('ledger')),
       (SELECT sum(deltas) FROM ledger)"""


class Storage(msgspec.Struct, frozen=True):
    """What the figures of some events take on disk, in bytes, with indexes."""

    fact: float
    cell: float
    page: float
    journal: float
    """Of an event, and so is what the ledger has of it."""
    ledger: float
    changes: float
    """Moments said or taken back by an event."""

    def told(self) -> str:
        return (
            f"a fact {self.fact:.0f}, a cell {self.cell:.0f} (a page of them {self.page:.0f}),"
            f" an event in the journal {self.journal:.0f} and in the ledger {self.ledger:.0f}"
        )


async def storage_of(pool: asyncpg.Pool[Any], *, events: int) -> Storage:
    """Of the only figures in a database."""
    [(fact, page, journal, ledger, changes)] = await pool.fetch(_KEPT)
    bodies = await pool.fetch("SELECT body FROM cells")
    cells = sum(1 for (body,) in bodies for _ in cells_in(body))
    return Storage(
        fact=fact,
        cell=page * len(bodies) / cells,
        page=page,
        journal=journal / events,
        ledger=ledger / events,
        changes=changes / events,
    )


async def class_costs(
    pool: asyncpg.Pool[Any], parties: Parties, entries: Sequence[Entry], *, company: Company
) -> list[Figure]:
    """A line for the facts alone, for each class of KPIs, and for what the diagnosis reads."""
    catalogues = {"no KPI at all: facts and journal": Catalogue(())}
    for of_class in dict.fromkeys(kpi.kind for kpi in CATALOGUE):
        kpis = [kpi for kpi in CATALOGUE if kpi.kind == of_class]
        catalogues[f"class {of_class} (KPIs: {len(kpis)})"] = Catalogue(kpis)
    catalogues["the diagnosis alone"] = Catalogue((), inputs=DIAGNOSIS_INPUTS)
    least: dict[str, float] = {}
    changes: dict[str, int] = {}
    generation = _ELSEWHERE
    for _ in range(_ROUNDS):
        for name, catalogue in catalogues.items():
            generation += 1
            before = parties.read()
            changes[name] = await _fold(
                pool, generation, entries, company=company, catalogue=catalogue
            )
            spent = parties.read() - before
            taken = spent.microseconds("client", "database", events=len(entries))
            least[name] = min(taken, least.get(name, taken))
    alone, *_ = least.values()
    return [
        Figure(
            f"cost of an event, {name}",
            f"{taken - alone:+.0f} µs" if changes[name] else f"{taken:.0f} µs",
            f"{changes[name] / len(entries):.1f} changes an event; least of {_ROUNDS} rounds",
        )
        for name, taken in least.items()
    ]


async def _fold(
    pool: asyncpg.Pool[Any],
    generation: int,
    entries: Sequence[Entry],
    *,
    company: Company,
    catalogue: Catalogue,
) -> int:
    """Fold as batches do, and merge; returns how many changes there were."""
    block = generation * _ELSEWHERE * _ELSEWHERE
    for start in range(0, len(entries), _BATCH):
        batch = entries[start : start + _BATCH]
        blocks = range(block + start, block + start + blocks_for(len(batch)))
        async with pool.acquire() as connection, connection.transaction():
            shelf = PostgresShelf(connection, generation=generation, shard=0, blocks=blocks)
            await fold(shelf, batch, company=company, catalogue=catalogue)
    changes = 0
    async with pool.acquire() as connection:
        while merged := await pending.merge(connection, generation, catalogue=catalogue, shard=0):
            changes += merged
    return changes
