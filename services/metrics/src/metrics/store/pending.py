"""Changes on their way: pending until somebody adds them to cells and ledger.

Invariant: cells + pending is what the facts say; ledger + pending is how that became
known. A batch writes one row here, whatever it changes. Many batches are added to the
cells together, where they share rows. Reading and adding may be done by any process
at any time: neither changes an answer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from events import Connection
from metrics.engine.catalogue import Catalogue
from metrics.engine.cell import Layout, sheets_of
from metrics.engine.changes import Changes, Delta
from metrics.engine.moment import MomentKind
from metrics.store import cells, ledger
from metrics.store.packing import Changed, pack_deltas, unpack_deltas

MOST_PER_MERGE: Final = 200_000
"""Deltas that are added to cells at once: bounds memory, and what a reader has to add up."""

_TAKE: Final = """
WITH queue AS (
    SELECT id, sum(deltas) OVER (ORDER BY id) - deltas AS before FROM pending WHERE generation = $1
), taken AS (
    SELECT id FROM pending WHERE id IN (SELECT id FROM queue WHERE before < $2)
    FOR UPDATE SKIP LOCKED
)
DELETE FROM pending USING taken WHERE pending.id = taken.id
RETURNING deltas, kinds, first_on, last_on, first_second, last_second, body"""

_READ: Final = "SELECT body FROM pending WHERE generation = $1 AND kinds && $2"


async def read(
    connection: Connection,
    generation: int,
    *,
    catalogue: Catalogue,
    only: Collection[MomentKind],
) -> list[Delta]:
    """The pending deltas of some kinds of moments."""
    rows = await connection.fetch(_READ, generation, [kind.name for kind in only])
    kinds = catalogue.layout.kinds
    return [delta for (body,) in rows for delta in unpack_deltas(body, kinds, only=only)]


async def merge(
    connection: Connection, generation: int, *, catalogue: Catalogue, shard: int
) -> int:
    """Add what is pending to the shard's cells and to the ledger; returns how many deltas.

    Whatever another process is adding at the moment is passed over.
    """
    taken = [Changed(*row) for row in await connection.fetch(_TAKE, generation, MOST_PER_MERGE)]
    if not taken:
        return 0
    layout = catalogue.layout
    deltas = (delta for one in taken for delta in unpack_deltas(one.body, layout.kinds))
    await _add(connection, generation, deltas, layout=layout, shard=shard)
    await ledger.append(connection, generation, taken)
    return sum(one.deltas for one in taken)


async def pass_by(
    connection: Connection, generation: int, changes: Changes, *, catalogue: Catalogue, shard: int
) -> None:
    """Add changes to cells and ledger at once: of figures that nobody reads nothing is pending."""
    deltas = list(changes.deltas())
    changed = pack_deltas(deltas)
    if changed is not None:
        await _add(connection, generation, deltas, layout=catalogue.layout, shard=shard)
        await ledger.append(connection, generation, [changed])


async def _add(
    connection: Connection,
    generation: int,
    deltas: Iterable[Delta],
    *,
    layout: Layout,
    shard: int,
) -> None:
    counted = ((moment, times) for _, moment, times in deltas)
    await cells.add(connection, generation, sheets_of(counted, layout=layout), shard=shard)
