"""Cells in the database, page by page: changes in, sums per period out.

Each shard has pages of its own, and one merge of a shard writes them at a time.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

from events import Connection
from metrics.engine.cell import Page, Sheet, SheetKey
from metrics.store.columns import columns_of
from metrics.store.pages import packed_sum, summed

_LOCK: Final = "SELECT pg_advisory_xact_lock($1, $2)"
"""By generation and shard: what is read is written with what was added to it."""

_KEPT: Final = """
SELECT cube, dimension, day, body
FROM unnest($3::smallint[], $4::smallint[], $5::integer[]) AS pages (cube, dimension, day)
JOIN cells USING (cube, dimension, day) WHERE generation = $1 AND shard = $2"""

_WRITE: Final = """
INSERT INTO cells (generation, shard, cube, dimension, day, body)
SELECT $1, $2, * FROM unnest($3::smallint[], $4::smallint[], $5::integer[], $6::bytea[])
ON CONFLICT (generation, cube, dimension, day, shard) DO UPDATE SET body = excluded.body"""

_REMOVE: Final = """
DELETE FROM cells
USING unnest($3::smallint[], $4::smallint[], $5::integer[]) AS k (cube, dimension, day)
WHERE generation = $1 AND shard = $2
  AND (cells.cube, cells.dimension, cells.day) = (k.cube, k.dimension, k.day)"""

_PageKey = tuple[int, int, int]
"""Cube, dimension, day."""

_READ: Final = """
SELECT cube, day, body FROM cells
WHERE generation = $1 AND cube = ANY($2::smallint[]) AND dimension = $3
  AND day >= $4 AND day < $5
ORDER BY cube, day"""

SumRow = tuple[Any, ...]
"""Cube, bucket, member, bin and sums."""


async def add(
    connection: Connection, generation: int, sheets: Mapping[SheetKey, Sheet], *, shard: int
) -> None:
    """Add to the shard's cells; what becomes zero goes, as if it had never been."""
    if not sheets:
        return
    await connection.execute(_LOCK, generation, shard)
    keys = [(cube, n, day) for (cube, day), sheet in sheets.items() for n in sheet.numbers]
    rows = await connection.fetch(_KEPT, generation, shard, *columns_of(keys))
    kept = {(cube, dimension, day): body for cube, dimension, day, body in rows}
    written, emptied = [], []
    for key, page in _pages(sheets):
        body = packed_sum(page, kept.get(key))
        if body is not None:
            written.append((*key, body))
        elif key in kept:
            emptied.append(key)
    if written:
        # In the order of the index, so that it is walked and not jumped about in.
        written.sort(key=itemgetter(0, 1, 2))
        await connection.execute(_WRITE, generation, shard, *columns_of(written))
    if emptied:
        await connection.execute(_REMOVE, generation, shard, *columns_of(emptied))


def _pages(sheets: Mapping[SheetKey, Sheet]) -> Iterator[tuple[_PageKey, Page]]:
    for (cube, day), sheet in sheets.items():
        for dimension, page in sheet.pages():
            if page:
                yield (cube, dimension, day), page


async def read_sums(
    connection: Connection,
    generation: int,
    *,
    places: Mapping[int, Sequence[int]],
    dimension: int,
    members: Sequence[str] | None,
    bounds: Sequence[int],
    since: int,
    until: int,
) -> Iterator[SumRow]:
    """Sums of some places of some cubes by (cube, bucket, member, bin) over days before `until`.

    `places` says which of which cube, in the order in which they are given; `bounds` are the
    first days of the periods: bucket 0 is before the first. `since` leaves out earlier days.
    """
    pages = await connection.fetch(_READ, generation, list(places), dimension, since, until)

    def stretch_of(page: tuple[int, int, bytes]) -> tuple[int, int]:
        cube, day, _ = page
        return cube, bisect_right(bounds, day)

    return (
        (cube, bucket, *cell)
        for (cube, bucket), found in groupby(pages, key=stretch_of)
        for cell in summed([body for _, _, body in found], places[cube], members=members)
    )
