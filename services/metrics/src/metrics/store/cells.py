"""Cells and their ledger in the database: deltas in, sums per period out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from events import Connection
from metrics.engine.cell import WIDTH, Cells
from metrics.engine.changes import Ledger, rows_of_cells

_PLACES: Final = [f"a{place}" for place in range(WIDTH)]
_VALUES: Final = ", ".join(_PLACES)
_KEY: Final = ("cube", "dimension", "day", "member", "bin")
_KEY_TYPES: Final = ("smallint[]", "smallint[]", "int[]", "text[]", "int[]")


def _upsert(table: str, key: Sequence[str], types: Sequence[str]) -> str:
    """Adds deltas; returns the keys of rows that became zero."""
    names = ", ".join(key)
    arrays = ", ".join(f"${n}::{kind}" for n, kind in enumerate(types, start=3))
    vectors = ", ".join(f"${n}::bigint[]" for n in range(3 + len(types), 3 + len(types) + WIDTH))
    added = ", ".join(f"{a} = {table}.{a} + excluded.{a}" for a in _PLACES)
    zero = " AND ".join(f"{a} = 0" for a in _PLACES)
    return f"""
WITH touched AS (
    INSERT INTO {table} (generation, shard, {names}, {_VALUES})
    SELECT $1, $2, d.* FROM unnest({arrays}, {vectors}) AS d
    ON CONFLICT (generation, {names}, shard) DO UPDATE SET {added}
    RETURNING {names}, {_VALUES}
)
SELECT {names} FROM touched WHERE {zero}"""  # noqa: S608


def _delete(table: str, key: Sequence[str], types: Sequence[str]) -> str:
    names = ", ".join(key)
    arrays = ", ".join(f"${n}::{kind}" for n, kind in enumerate(types, start=3))
    same = " AND ".join(f"t.{name} = d.{name}" for name in key)
    return f"""
DELETE FROM {table} t USING unnest({arrays}) AS d ({names})
WHERE t.generation = $1 AND t.shard = $2 AND {same}"""  # noqa: S608


_LEDGER_KEY: Final = (*_KEY, "second")
_LEDGER_TYPES: Final = (*_KEY_TYPES, "bigint[]")
_UPSERT_CELLS: Final = _upsert("cells", _KEY, _KEY_TYPES)
_UPSERT_LEDGER: Final = _upsert("ledger", _LEDGER_KEY, _LEDGER_TYPES)
_DELETE_CELLS: Final = _delete("cells", _KEY, _KEY_TYPES)
_DELETE_LEDGER: Final = _delete("ledger", _LEDGER_KEY, _LEDGER_TYPES)


async def add_cells(connection: Connection, generation: int, cells: Cells, *, shard: int) -> None:
    """Add deltas to the shard's cells; cells that become zero go, as if they had never been."""
    rows = sorted((row[:5], row[5]) for row in rows_of_cells(cells))
    await _add(
        connection, rows, into=(generation, shard), upsert=_UPSERT_CELLS, delete=_DELETE_CELLS
    )


async def add_ledger(
    connection: Connection, generation: int, ledger: Ledger, *, shard: int
) -> None:
    """The same deltas by the second in which they became known."""
    rows = sorted(
        ((*row[:5], second), row[5])
        for second, cells in ledger.items()
        for row in rows_of_cells(cells)
    )
    await _add(
        connection, rows, into=(generation, shard), upsert=_UPSERT_LEDGER, delete=_DELETE_LEDGER
    )


async def _add(
    connection: Connection,
    rows: Sequence[tuple[tuple[Any, ...], list[int]]],
    *,
    into: tuple[int, int],
    upsert: str,
    delete: str,
) -> None:
    """Write keys with their vectors. Sorted, so that an index is walked and not jumped about in."""
    if not rows:
        return
    keys = _columns([key for key, _ in rows])
    amounts = _columns([vector for _, vector in rows])
    zeros = await connection.fetch(upsert, *into, *keys, *amounts)
    if zeros:
        await connection.execute(delete, *into, *_columns(zeros))


def _columns(rows: Sequence[Any]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


async def read_sums(
    connection: Connection,
    generation: int,
    *,
    cubes: Sequence[int],
    dimension: int,
    members: Sequence[str] | None,
    bounds: Sequence[int],
    since: int | None,
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
  AND day < $5 AND ($6::int IS NULL OR day >= $6)
  AND ($7::text[] IS NULL OR member = ANY($7))
  {"" if as_of is None else "AND second <= $8"}
GROUP BY 1, 2, 3, 4"""  # noqa: S608
    known = [] if as_of is None else [as_of]
    return await connection.fetch(
        query, generation, list(cubes), dimension, list(bounds), until, since, members, *known
    )
