"""Cells in the database, page by page: changes in, sums per period out.

Each shard has pages of its own, and one merge of a shard writes them at a time.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Final

from events import Connection
from metrics.engine.calendar import Grain, period_of
from metrics.engine.cell import Page, PageKey
from metrics.store import months
from metrics.store.columns import columns_of
from metrics.store.pages import Columns, columns_in, packed_sum
from metrics.store.runs import Runs, columns_in_runs, runs_in, runs_of

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

_READ: Final = """
SELECT cube, day, body
FROM unnest($2::smallint[], $4::integer[], $5::integer[]) AS wanted (cube, first, until)
JOIN cells USING (cube)
WHERE generation = $1 AND dimension = $3 AND day >= first AND day < wanted.until
ORDER BY cube, day"""


async def add(
    connection: Connection,
    generation: int,
    pages: Mapping[PageKey, Page],
    *,
    crossed: Collection[int],
    shard: int,
) -> None:
    """Add to the shard's cells; what becomes zero goes, as if it had never been.

    Cubes that are `crossed` are kept by months and nothing else.
    """
    if not pages:
        return
    await connection.execute(_LOCK, generation, shard)
    rows = await connection.fetch(_KEPT, generation, shard, *columns_of(list(pages)))
    kept = {PageKey(*key): body for *key, body in rows}
    written, emptied = [], []
    for key, page in pages.items():
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
    changed = [*(key for *key, _ in written), *emptied]
    by_day = [(cube, dimension, day) for cube, dimension, day in changed if cube not in crossed]
    await months.mark_stale(connection, generation, by_day, shard=shard)


@dataclass(frozen=True, slots=True)
class Stretch:
    """What is kept of a cube between two bounds: pages of days and of months."""

    cube: int
    place: int
    """Stretch 0 is before the first bound, 1 begins with it."""
    days: list[bytes] = field(default_factory=list)
    months: list[bytes] = field(default_factory=list)

    def columns(
        self, places: Sequence[int], *, members: Collection[str] | None
    ) -> Iterator[Columns]:
        """Cells without bins, or those of some members. A member can come several times."""
        for body in self.days:
            yield columns_in(body, places, members=members)
        for body in self.months:
            yield columns_in_runs(body, places, members=members)

    def runs(self, places: Sequence[int], *, members: Collection[str] | None) -> Iterator[Runs]:
        """Cells with bins, those of some members at least."""
        if self.days:
            yield runs_of(columns_in(body, places, members=members) for body in self.days)
        for body in self.months:
            yield runs_in(body, places)


async def read(
    connection: Connection,
    generation: int,
    *,
    cubes: Collection[int],
    dimension: int,
    since: int,
    until: int,
    bounds: Sequence[int],
) -> Iterable[Stretch]:
    """What is kept of some cubes from a day until before another, by what `bounds` divide."""
    wanted = sorted(cubes)
    whole = await months.read(
        connection,
        generation,
        cubes=wanted,
        dimension=dimension,
        since=since,
        until=until,
        bounds=bounds,
    )
    found: dict[tuple[int, int], Stretch] = {}

    def stretch_of(cube: int, day: int) -> Stretch:
        key = cube, bisect_right(bounds, day)
        return found.get(key) or found.setdefault(key, Stretch(*key))

    for cube, month, bodies in whole:
        stretch_of(cube, month).months.extend(bodies)
    others = _days_left(whole, cubes=wanted, since=since, until=until)
    if others:
        spans = columns_of(others)
        for cube, day, body in await connection.fetch(
            _READ, generation, spans[0], dimension, *spans[1:]
        ):
            stretch_of(cube, day).days.append(body)
    return found.values()


def _days_left(
    whole: Sequence[months.MonthOfCube], *, cubes: Sequence[int], since: int, until: int
) -> list[tuple[int, int, int]]:
    """Cubes with the days, from one until before another, that no page of a month holds."""
    left = []
    for cube in cubes:
        day = since
        for month in (month for of, month, _ in whole if of == cube):
            left.append((cube, day, month))
            day = period_of(month, Grain.MONTH).end
        left.append((cube, day, until))
    return [(cube, first, end) for cube, first, end in left if first < end]
