"""Cells in the database: deltas in, sums per period out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from events import Connection
from metrics.engine.cell import WIDTH, CellRow
from metrics.store.staging import FEW, Staging, columns_of

_PLACES: Final = tuple(f"a{place}" for place in range(WIDTH))
_KEYS: Final = Staging(
    "zero_cells",
    (
        *(("cube", "smallint"), ("dimension", "smallint"), ("day", "integer")),
        *(("member", "text"), ("bin", "integer")),
    ),
)
_ROWS: Final = Staging("incoming_cells", (*_KEYS.columns, *((a, "bigint") for a in _PLACES)))
_NAMES: Final = ", ".join(_KEYS.names)
_VALUES: Final = ", ".join(_PLACES)

_UPSERT: Final = f"""
WITH touched AS (
    INSERT INTO cells (generation, shard, {_NAMES}, {_VALUES})
    SELECT $1, $2, {_NAMES}, {_VALUES} FROM {{source}}
    ORDER BY cube, dimension, day, member COLLATE "C", bin
    ON CONFLICT (generation, {_NAMES}, shard) DO UPDATE
    SET {", ".join(f"{a} = cells.{a} + excluded.{a}" for a in _PLACES)}
    RETURNING {_NAMES}, {_VALUES}
)
SELECT {_NAMES} FROM touched WHERE {" AND ".join(f"{a} = 0" for a in _PLACES)}"""  # noqa: S608
"""Adds deltas; returns the keys of rows that became zero. Sorted, so that an index is walked
and not jumped about in.
"""

_REMOVE: Final = f"""
DELETE FROM cells USING {_KEYS.arrays(first=3)}
WHERE generation = $1 AND shard = $2
  AND {" AND ".join(f"cells.{name} = {_KEYS.name}.{name}" for name in _KEYS.names)}"""  # noqa: S608


async def add(
    connection: Connection, generation: int, rows: Sequence[CellRow], *, shard: int
) -> None:
    """Add to the shard's cells; those that become zero go, as if they had never been."""
    if not rows:
        return
    if len(rows) <= FEW:
        few = _UPSERT.format(source=_ROWS.arrays(first=3))
        zeros = await connection.fetch(few, generation, shard, *columns_of(rows))
    else:
        await _ROWS.copy(connection, rows)
        zeros = await connection.fetch(_UPSERT.format(source=_ROWS.name), generation, shard)
    if zeros:
        await connection.execute(_REMOVE, generation, shard, *columns_of(zeros))


_SUMS: Final = f"""
SELECT cube, width_bucket(day, $4::int[]) AS bucket, member, bin,
       {", ".join(f"sum({a})::bigint" for a in _PLACES)}
FROM cells
WHERE generation = $1 AND cube = ANY($2::smallint[]) AND dimension = $3
  AND day >= $6 AND day < $5
  AND ($7::text[] IS NULL OR member = ANY($7))
GROUP BY 1, 2, 3, 4"""  # noqa: S608


async def read_sums(
    connection: Connection,
    generation: int,
    *,
    cubes: Sequence[int],
    dimension: int,
    members: Sequence[str] | None,
    bounds: Sequence[int],
    since: int,
    until: int,
) -> list[Any]:
    """Sums of vectors by (cube, bucket, member, bin) over days before `until`.

    `bounds` are the first days of the periods: bucket 0 is before the first. `since`
    leaves out earlier days.
    """
    return await connection.fetch(
        _SUMS, generation, list(cubes), dimension, list(bounds), until, since, members
    )
