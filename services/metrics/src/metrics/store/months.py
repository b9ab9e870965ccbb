"""Cells by whole months, added up from those of their days once a month has settled.

Who asks for months, quarters, years or for what there was since ever need not read a page for
each day. A page of a month is of one shard, as those of its days are, or it is stale: then
readers take its days. Invariant: a page that is not stale is the sum of its days. Who writes a
day marks its month stale in the same transaction, and both that and adding up need the shard's
lock (see `cells`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Final

from events import Connection
from metrics.engine.calendar import Grain, first_of_month, period_of
from metrics.store.columns import columns_of
from metrics.store.pages import cells_of_all
from metrics.store.runs import packed_runs

_TRY: Final = "SELECT pg_try_advisory_xact_lock($1, $2)"

# Both look before they write: nearly always the page is there, and stale.
_ADD: Final = """
INSERT INTO cells_by_month (generation, shard, cube, dimension, month)
SELECT $1, $2, * FROM unnest($3::smallint[], $4::smallint[], $5::integer[])
ON CONFLICT DO NOTHING"""
_MARK: Final = """
UPDATE cells_by_month AS pages SET body = NULL
FROM unnest($3::smallint[], $4::smallint[], $5::integer[]) AS k (cube, dimension, month)
WHERE generation = $1 AND shard = $2 AND body IS NOT NULL
  AND (pages.cube, pages.dimension, pages.month) = (k.cube, k.dimension, k.month)"""

_DUE: Final = """
SELECT month, shard FROM cells_by_month WHERE generation = $1 AND month < $2 AND body IS NULL
GROUP BY month, shard ORDER BY month, shard"""
_STALE: Final = """
SELECT cube, dimension FROM cells_by_month
WHERE generation = $1 AND shard = $2 AND month = $3 AND body IS NULL LIMIT $4"""
_DAYS: Final = """
SELECT cube, dimension, body
FROM unnest($3::smallint[], $4::smallint[]) AS stale (cube, dimension)
JOIN cells USING (cube, dimension)
WHERE generation = $1 AND shard = $2 AND day >= $5 AND day < $6
ORDER BY cube, dimension"""
_WRITE: Final = """
UPDATE cells_by_month AS pages SET body = k.body
FROM unnest($4::smallint[], $5::smallint[], $6::bytea[]) AS k (cube, dimension, body)
WHERE generation = $1 AND shard = $2 AND month = $3
  AND (pages.cube, pages.dimension) = (k.cube, k.dimension)"""
_REMOVE: Final = """
DELETE FROM cells_by_month AS pages
USING unnest($4::smallint[], $5::smallint[]) AS k (cube, dimension)
WHERE generation = $1 AND shard = $2 AND month = $3
  AND (pages.cube, pages.dimension) = (k.cube, k.dimension)"""

_READ: Final = """
SELECT cube, month, body FROM cells_by_month
WHERE generation = $1 AND cube = ANY($2::smallint[]) AND dimension = $3
  AND month >= $4 AND month < $5 AND month <> ALL($6::integer[])
ORDER BY cube, month"""

_PAGES_AT_ONCE: Final = 50
"""A merge of the shard waits for so many."""

MonthOfCube = tuple[int, int, list[bytes]]
"""Cube, month and its pages, one for each shard."""


async def mark_stale(
    connection: Connection, generation: int, keys: Iterable[tuple[int, int, int]], *, shard: int
) -> None:
    """Note that days (cube, dimension, day) are being written. Needs the shard's lock."""
    pages = sorted({(cube, dimension, first_of_month(day)) for cube, dimension, day in keys})
    if pages:
        await connection.execute(_ADD, generation, shard, *columns_of(pages))
        await connection.execute(_MARK, generation, shard, *columns_of(pages))


async def add_up(connection: Connection, generation: int, *, before: int) -> bool:
    """Add up some of a month that ended until a day; False when nothing is due, or all that is
    due is of shards that are being written. Needs a transaction.
    """
    for month, shard in await connection.fetch(_DUE, generation, first_of_month(before)):
        if await connection.fetchval(_TRY, generation, shard):
            await _add_up(connection, generation, month, shard=shard)
            return True
    return False


async def _add_up(connection: Connection, generation: int, month: int, *, shard: int) -> None:
    stale = await connection.fetch(_STALE, generation, shard, month, _PAGES_AT_ONCE)
    end = period_of(month, Grain.MONTH).end
    days = await connection.fetch(_DAYS, generation, shard, *columns_of(stale, width=2), month, end)
    written = []
    for key, rows in groupby(days, key=itemgetter(0, 1)):
        cells = cells_of_all(body for _, _, body in rows)
        if cells:
            written.append((*key, packed_runs(cells)))
    silent = {tuple(page) for page in stale} - {(cube, number) for cube, number, _ in written}
    where = generation, shard, month
    await connection.execute(_WRITE, *where, *columns_of(written, width=3))
    await connection.execute(_REMOVE, *where, *columns_of(sorted(silent), width=2))


async def read(
    connection: Connection,
    generation: int,
    *,
    cubes: Sequence[int],
    dimension: int,
    since: int,
    until: int,
    bounds: Sequence[int],
) -> list[MonthOfCube]:
    """Whole months from a day until another that no bound cuts in two, where none is stale."""
    cut = {month for day in (*bounds, until) if (month := first_of_month(day)) != day}
    rows = await connection.fetch(
        _READ, generation, list(cubes), dimension, since, until, sorted(cut)
    )
    found = []
    for key, pages in groupby(rows, key=itemgetter(0, 1)):
        bodies = [body for _, _, body in pages]
        if None not in bodies:
            found.append((*key, bodies))
    return found
