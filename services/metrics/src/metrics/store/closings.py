"""Closed periods: who published their figures when, and the figures as they were then.

Append only: to close a period again adds an edition. The rows themselves are kept, and
not only the instant, so that they stay what was published whatever becomes of the
definitions, and whatever arrives late that had been recorded before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from events import Connection

TOTAL: Final = ""
"""Stands where a dimension would: the figures of the whole company."""

PublishedRow = Mapping[str, Any]
"""A row of an answer, its period left out."""


class Closing(msgspec.Struct, frozen=True, kw_only=True):
    """One edition of a period's figures."""

    id: int
    period: str
    edition: int
    known_at: datetime
    """The last second that its figures count: events recorded later are in none of them."""
    closed_at: datetime
    closed_by: str
    generation: int
    catalogue_version: str
    is_published: bool
    """Whether its figures are kept already: that takes a moment after the closing."""


class PublishedRows(msgspec.Struct, frozen=True):
    """The rows of one KPI, in total or by one dimension."""

    kpi: str
    dimension: str
    version: int
    """Of the KPI's definition."""
    rows: Sequence[PublishedRow]


_COLUMNS: Final = """
id, period, edition, known_at, closed_at, closed_by, generation, catalogue_version,
EXISTS (SELECT FROM published_values WHERE closing = closings.id) AS is_published"""
_ADD: Final = f"""
INSERT INTO closings (period, edition, known_at, closed_at, closed_by, generation,
    catalogue_version)
SELECT $1, coalesce(max(edition), 0) + 1, $2, $3, $4, $5, $6 FROM closings WHERE period = $1
RETURNING {_COLUMNS}"""  # noqa: S608
_KEEP: Final = """
INSERT INTO published_values (closing, kpi, dimension, version, rows)
SELECT $1, * FROM unnest($2::text[], $3::text[], $4::integer[], $5::jsonb[])"""


async def add(
    connection: Connection,
    period: str,
    *,
    known_at: datetime,
    closed_at: datetime,
    closed_by: str,
    generation: int,
    catalogue_version: str,
) -> Closing:
    """The period's next edition. Raises UniqueViolationError when two close it at once."""
    row = await connection.fetchrow(
        _ADD,
        *(period, known_at, closed_at, closed_by, generation, catalogue_version),
    )
    assert row is not None
    return Closing(**row)


async def keep(
    connection: Connection, closing: Closing, published: Iterable[PublishedRows]
) -> None:
    """Keep the figures of an edition."""
    every = list(published)
    await connection.execute(
        _KEEP,
        closing.id,
        [one.kpi for one in every],
        [one.dimension for one in every],
        [one.version for one in every],
        [msgspec.json.encode(one.rows).decode() for one in every],
    )


async def read(
    connection: Connection, closing: Closing, *, kpi: str, dimension: str
) -> PublishedRows | None:
    """What was published of a KPI; None if the catalogue did not have it then."""
    row = await connection.fetchrow(
        "SELECT version, rows FROM published_values"
        " WHERE closing = $1 AND kpi = $2 AND dimension = $3",
        *(closing.id, kpi, dimension),
    )
    return (
        None if row is None else PublishedRows(kpi, dimension, row[0], msgspec.json.decode(row[1]))
    )


async def newest(connection: Connection, periods: Sequence[str]) -> dict[str, Closing]:
    """The last edition of each of some periods that are closed."""
    rows = await connection.fetch(
        f"SELECT DISTINCT ON (period) {_COLUMNS} FROM closings WHERE period = ANY($1)"  # noqa: S608
        " ORDER BY period, edition DESC",
        list(periods),
    )
    return {row["period"]: Closing(**row) for row in rows}


async def first_unpublished(connection: Connection) -> Closing | None:
    """The closing whose figures are to be kept next."""
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM closings"  # noqa: S608
        " WHERE NOT EXISTS (SELECT FROM published_values WHERE closing = closings.id)"
        " ORDER BY id LIMIT 1"
    )
    return None if row is None else Closing(**row)


async def editions(connection: Connection, period: str) -> list[Closing]:
    """All editions of a period, the first one first."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM closings WHERE period = $1 ORDER BY edition",  # noqa: S608
        period,
    )
    return [Closing(**row) for row in rows]


async def recent(connection: Connection, *, before: int | None, limit: int) -> list[Closing]:
    """Closings of all periods, the last one first."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM closings WHERE $1::bigint IS NULL OR id < $1"  # noqa: S608
        " ORDER BY id DESC LIMIT $2",
        *(before, limit),
    )
    return [Closing(**row) for row in rows]
