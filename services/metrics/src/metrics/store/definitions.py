"""What users defined, in the database: every version of every own KPI, who wrote it and when.

Invariant: rows are only added, and only their mark is ever changed. Which of them figures
are made with stands in the generation.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import msgspec

from events import Connection
from metrics.definitions import Definition

_LOCK: Final = 7_236_118_407
"""Advisory lock: one at a time changes definitions, or has figures made with them."""


class Change(msgspec.Struct, frozen=True):
    """A version of an own KPI; without a definition it was retired."""

    id: str
    version: int
    definition: Definition | None
    changed_at: datetime
    changed_by: str
    is_asked: bool
    """Whether figures with this change have been asked for."""


_COLUMNS: Final = "id, version, definition, changed_at, changed_by, is_asked"
_NEWEST: Final = f"SELECT DISTINCT ON (id) {_COLUMNS} FROM own_kpis ORDER BY id, version DESC"  # noqa: S608


async def hold(connection: Connection) -> None:
    """Let nobody else change definitions until the transaction ends."""
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)


async def newest(connection: Connection) -> list[Change]:
    """The newest version of each, by id; also of those that were retired."""
    return [_change(row) for row in await connection.fetch(_NEWEST)]


async def current(connection: Connection) -> list[Definition]:
    """The definitions that are to be in force, by id."""
    return [one.definition for one in await newest(connection) if one.definition is not None]


async def history(connection: Connection, kpi_id: str) -> list[Change]:
    """All versions of one, the newest first."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM own_kpis WHERE id = $1 ORDER BY version DESC",  # noqa: S608
        kpi_id,
    )
    return [_change(row) for row in rows]


async def append(
    connection: Connection,
    kpi_id: str,
    definition: Definition | None,
    *,
    version: int,
    at: datetime,
    by: str,
) -> None:
    """Add a version. Under `hold` only."""
    text = None if definition is None else msgspec.json.encode(definition).decode()
    await connection.execute(
        "INSERT INTO own_kpis (id, version, definition, changed_at, changed_by)"
        " VALUES ($1, $2, $3, $4, $5)",
        *(kpi_id, version, text, at, by),
    )


async def last_unasked(connection: Connection) -> str | None:
    """Who made the newest change that no figures were asked for with; None when none waits."""
    by: str | None = await connection.fetchval(
        "SELECT changed_by FROM own_kpis WHERE NOT is_asked ORDER BY changed_at DESC LIMIT 1"
    )
    return by


async def mark_asked(connection: Connection) -> None:
    """Figures with all changes were asked for. Under `hold` only."""
    await connection.execute("UPDATE own_kpis SET is_asked = true WHERE NOT is_asked")


def _change(row: Any) -> Change:
    said = row["definition"]
    definition = None if said is None else msgspec.json.decode(said, type=dict[str, Any])
    return Change(
        row["id"], row["version"], definition, row["changed_at"], row["changed_by"], row["is_asked"]
    )
