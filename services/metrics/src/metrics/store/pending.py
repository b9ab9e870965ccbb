"""Changes on their way: pending until somebody adds them to cells and ledger.

Invariant: cells + pending is what the facts say; ledger + pending is how that became
known. A batch writes one row here, whatever it changes. Many batches are added to the
cells together, where they share rows. Reading and adding may be done by any process
at any time: neither changes an answer.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from events import Connection
from metrics.engine.catalogue import Catalogue
from metrics.engine.changes import Changes, Delta
from metrics.engine.moment import MomentKind
from metrics.engine.paging import pages_of
from metrics.store import cells, ledger
from metrics.store.packing import Changed, pack_batch, unpack_batch, unpack_deltas

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
    batches = [unpack_batch(one.body, layout.kinds) for one in taken]
    pages = dict(pages_of(batches, layout=layout))
    await cells.add(connection, generation, pages, crossed=layout.crossed, shard=shard)
    await ledger.append(connection, generation, taken)
    return sum(one.deltas for one in taken)


async def pass_by(
    connection: Connection, generation: int, changes: Changes, *, catalogue: Catalogue, shard: int
) -> None:
    """Add changes to cells and ledger at once: of figures that nobody reads nothing is pending."""
    changed = pack_batch(changes.batch)
    if changed is not None:
        layout = catalogue.layout
        pages = dict(pages_of([changes.batch], layout=layout))
        await cells.add(connection, generation, pages, crossed=layout.crossed, shard=shard)
        await ledger.append(connection, generation, [changed])
