"""The ledger: which moments were said or taken back, in packed blocks, with the second.

What was known at an instant is what is known now without what became known since.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterable
from typing import Any, Final

from events import Connection
from metrics.engine.catalogue import Catalogue
from metrics.engine.changes import Delta
from metrics.engine.moment import MomentKind
from metrics.store.packing import pack_deltas, unpack_deltas
from metrics.store.staging import columns_of

_APPEND: Final = """
INSERT INTO ledger
    (generation, kind, first_on, last_on, first_second, last_second, deltas, body)
SELECT $1, * FROM unnest(
    $2::text[], $3::int[], $4::int[], $5::bigint[], $6::bigint[], $7::int[], $8::bytea[])"""

_READ: Final = """
SELECT body FROM ledger
WHERE generation = $1 AND kind = ANY($2) AND last_second > $3 AND first_second <= $4
  AND first_on < $5 AND last_on >= $6"""


async def append(connection: Connection, generation: int, deltas: Iterable[Delta]) -> None:
    """Keep deltas, a block for each kind of moment."""
    by_kind: dict[str, list[Delta]] = {}
    for delta in deltas:
        by_kind.setdefault(delta.moment.kind.name, []).append(delta)
    rows = [_row(kind, of_kind) for kind, of_kind in by_kind.items()]
    if rows:
        await connection.execute(_APPEND, generation, *columns_of(rows))


def _row(kind: str, deltas: list[Delta]) -> tuple[Any, ...]:
    days = [delta.moment.day for delta in deltas]
    seconds = [delta.second for delta in deltas]
    return (
        kind,
        min(days),
        max(days),
        min(seconds),
        max(seconds),
        len(deltas),
        zlib.compress(pack_deltas(deltas), 1),
    )


async def read(
    connection: Connection,
    generation: int,
    *,
    catalogue: Catalogue,
    only: Collection[MomentKind],
    days: tuple[int, int],
    after: int = -(2**62),
    until: int = 2**62,
) -> list[Delta]:
    """The deltas of some kinds that became known after a second and until another.

    `days` (from, before) leaves out blocks that lie outside.
    """
    names = [kind.name for kind in only]
    rows = await connection.fetch(_READ, generation, names, after, until, days[1], days[0])
    return [
        delta
        for (body,) in rows
        for delta in unpack_deltas(zlib.decompress(body), catalogue.layout.kinds)
        if after < delta.second <= until
    ]
