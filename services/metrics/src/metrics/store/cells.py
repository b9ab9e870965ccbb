"""Cells and their ledger in the database: deltas in, sums per period out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from events import Connection
from metrics.engine.cell import WIDTH, Cells
from metrics.engine.changes import Ledger, rows_of_cells
from metrics.store.staging import FEW, Staging, columns_of

_PLACES: Final = tuple(f"a{place}" for place in range(WIDTH))
_KEY: Final = (
    *(("cube", "smallint"), ("dimension", "smallint"), ("day", "integer")),
    *(("member", "text"), ("bin", "integer")),
)


class _Table:
    """How deltas are added to one of the two tables."""

    def __init__(self, table: str, key: tuple[tuple[str, str], ...]) -> None:
        vector = tuple((place, "bigint") for place in _PLACES)
        self.rows = Staging(f"incoming_{table}", (*key, *vector))
        keys = Staging(f"zero_{table}", key)
        self.add_few = self._upsert(table, keys, self.rows.arrays(first=3))
        self.add_many = self._upsert(table, keys, self.rows.name)
        same = " AND ".join(f"{table}.{name} = {keys.name}.{name}" for name in keys.names)
        self.remove = (
            f"DELETE FROM {table} USING {keys.arrays(first=3)}"  # noqa: S608
            f" WHERE generation = $1 AND shard = $2 AND {same}"
        )

    def _upsert(self, table: str, keys: Staging, source: str) -> str:
        """Adds deltas; returns the keys of rows that became zero."""
        names, values = ", ".join(keys.names), ", ".join(_PLACES)
        added = ", ".join(f"{a} = {table}.{a} + excluded.{a}" for a in _PLACES)
        zero = " AND ".join(f"{a} = 0" for a in _PLACES)
        # Sorted, so that an index is walked and not jumped about in.
        return f"""
WITH touched AS (
    INSERT INTO {table} (generation, shard, {names}, {values})
    SELECT $1, $2, {names}, {values} FROM {source} ORDER BY {names}
    ON CONFLICT (generation, {names}, shard) DO UPDATE SET {added}
    RETURNING {names}, {values}
)
SELECT {names} FROM touched WHERE {zero}"""  # noqa: S608

    async def add(
        self, connection: Connection, rows: Sequence[tuple[Any, ...]], *, into: tuple[int, int]
    ) -> None:
        """Add deltas; rows that become zero go, as if they had never been."""
        if not rows:
            return
        if len(rows) <= FEW:
            zeros = await connection.fetch(self.add_few, *into, *columns_of(rows))
        else:
            await self.rows.copy(connection, rows)
            zeros = await connection.fetch(self.add_many, *into)
        if zeros:
            await connection.execute(self.remove, *into, *columns_of(zeros))


_CELLS: Final = _Table("cells", _KEY)
_LEDGER: Final = _Table("ledger", (*_KEY, ("second", "bigint")))


async def add_cells(connection: Connection, generation: int, cells: Cells, *, shard: int) -> None:
    """Add deltas to the shard's cells."""
    rows = [(*key, *vector) for *key, vector in rows_of_cells(cells)]
    await _CELLS.add(connection, rows, into=(generation, shard))


async def add_ledger(
    connection: Connection, generation: int, ledger: Ledger, *, shard: int
) -> None:
    """The same deltas by the second in which they became known."""
    rows = [
        (*key, second, *vector)
        for second, cells in ledger.items()
        for *key, vector in rows_of_cells(cells)
    ]
    await _LEDGER.add(connection, rows, into=(generation, shard))


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
    as_of: int | None,
) -> list[Any]:
    """Sums of vectors by (cube, bucket, member, bin) over days before `until`.

    `bounds` are the first days of the periods: bucket 0 is before the first. `since`
    leaves out earlier days, `as_of` (a second) what became known later.
    """
    table = "cells" if as_of is None else "ledger"
    sums = ", ".join(f"sum({a})::bigint" for a in _PLACES)
    query = f"""
SELECT cube, width_bucket(day, $4::int[]) AS bucket, member, bin, {sums}
FROM {table}
WHERE generation = $1 AND cube = ANY($2::smallint[]) AND dimension = $3
  AND day >= $6 AND day < $5
  AND ($7::text[] IS NULL OR member = ANY($7))
  {"" if as_of is None else "AND second <= $8"}
GROUP BY 1, 2, 3, 4"""  # noqa: S608
    known = [] if as_of is None else [as_of]
    return await connection.fetch(
        query, generation, list(cubes), dimension, list(bounds), until, since, members, *known
    )
