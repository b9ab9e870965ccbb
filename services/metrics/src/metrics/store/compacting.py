"""Compacting the ledger with age, without changing what it says of any second.

A merge leaves one row of whatever was said meanwhile: quickly written, but small rows pack
badly. Those that have settled are joined in the order in which they became known, and
packed by columns. Changes of one moment in one second that cancel each other go: no
question can come between them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from events import Connection
from metrics.engine.catalogue import Catalogue
from metrics.engine.changes import Delta, Tally
from metrics.store import ledger
from metrics.store.packing import TIGHT, Changed, pack_batch, unpack_bodies, unpack_deltas

_SMALL: Final = """
SELECT id, deltas, body FROM (
    SELECT id, deltas, body, last_second,
           sum(deltas) OVER (ORDER BY last_second, id) - deltas AS before
    FROM ledger WHERE generation = $1 AND last_second < $2 AND deltas < $3
) AS small WHERE before < $3 ORDER BY last_second, id"""


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """When compacting is worth it, and how large a row gets."""

    rows: int = 64
    """So many are joined at least, unless they make a full row."""
    deltas: int = 20_000
    """A row that has so many is full: it packs well, and larger ones are slow to open."""


USUAL: Final = Sizes()


async def compact(
    connection: Connection,
    generation: int,
    *,
    catalogue: Catalogue,
    before: int,
    sizes: Sizes = USUAL,
) -> bool:
    """Join some rows of which nothing became known since a second; False when none is due.

    Needs a transaction, and that nobody else compacts.
    """
    rows = await connection.fetch(_SMALL, generation, before, sizes.deltas)
    is_full = sum(row["deltas"] for row in rows) >= sizes.deltas
    if len(rows) < sizes.rows and not (is_full and len(rows) > 1):
        return False
    joined = _joined(
        delta
        for row in rows
        for body in unpack_bodies(row["body"])
        for delta in unpack_deltas(body, catalogue.layout.kinds)
    )
    await connection.execute("DELETE FROM ledger WHERE id = ANY($1)", [row["id"] for row in rows])
    if joined is not None:
        await ledger.append(connection, generation, [joined], level=TIGHT)
    return True


def _joined(deltas: Iterable[Delta]) -> Changed | None:
    """All deltas in one value; None when they cancel each other."""
    tally = Tally()
    for second, moment, times in deltas:
        tally.count(second, (moment,), times)
    return pack_batch(tally.batch())
