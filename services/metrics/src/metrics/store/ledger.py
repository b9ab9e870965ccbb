"""The ledger: which moments were said or taken back, and in which second that became known.

What was known at an instant is what is known now without what became known since.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from events import Connection
from metrics.engine.catalogue import Catalogue
from metrics.engine.changes import Delta
from metrics.engine.moment import MomentKind
from metrics.store.packing import FAST, Changed, Within, pack_bodies, unpack_bodies, unpack_deltas

_APPEND: Final = """
INSERT INTO ledger
    (generation, deltas, kinds, first_on, last_on, first_second, last_second, body)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"""

_READ: Final = """
SELECT body FROM ledger
WHERE generation = $1 AND kinds && $2 AND last_second > $3 AND first_second <= $4
  AND first_on < $5 AND last_on >= $6"""

_COUNTS: Final = """
SELECT coalesce(sum(deltas) FILTER (WHERE first_second <= $5), 0),
       coalesce(sum(deltas) FILTER (WHERE last_second > $5), 0)
FROM ledger WHERE generation = $1 AND kinds && $2 AND first_on < $3 AND last_on >= $4"""

_DAYS: Final = """
SELECT min(first_on), max(last_on) FROM (
    SELECT first_on, last_on FROM ledger WHERE generation = $1
    UNION ALL SELECT first_on, last_on FROM pending WHERE generation = $1
) AS known"""


async def append(
    connection: Connection, generation: int, changed: Sequence[Changed], *, level: int = FAST
) -> None:
    """Keep the changes of many batches in one row."""
    await connection.execute(
        _APPEND,
        generation,
        sum(one.deltas for one in changed),
        sorted({kind for one in changed for kind in one.kinds}),
        min(one.first_on for one in changed),
        max(one.last_on for one in changed),
        min(one.first_second for one in changed),
        max(one.last_second for one in changed),
        pack_bodies([one.body for one in changed], level=level),
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

    `days` (from, before) leaves out what lies outside.
    """
    within = Within(days, after=after, until=until)
    names = [kind.name for kind in only]
    rows = await connection.fetch(_READ, generation, names, after, until, days[1], days[0])
    return [
        delta
        for (packed,) in rows
        for body in unpack_bodies(packed)
        for delta in unpack_deltas(body, catalogue.layout.kinds, only=only, within=within)
    ]


async def counts_around(
    connection: Connection,
    generation: int,
    *,
    kinds: Sequence[str],
    days: tuple[int, int],
    second: int,
) -> tuple[int, int]:
    """How many deltas are in the rows that `read` would open until a second, and after it."""
    row = await connection.fetchrow(_COUNTS, generation, list(kinds), days[1], days[0], second)
    assert row is not None
    return int(row[0]), int(row[1])


async def first_second(connection: Connection, generation: int) -> int | None:
    """The second in which the first of all became known."""
    second: int | None = await connection.fetchval(
        "SELECT min(first_second) FROM ledger WHERE generation = $1", generation
    )
    return second


async def days(connection: Connection, generation: int) -> tuple[int, int] | None:
    """The first and the last day that a generation says anything of; None if it is silent."""
    row = await connection.fetchrow(_DAYS, generation)
    return None if row is None or row[0] is None else (row[0], row[1])
