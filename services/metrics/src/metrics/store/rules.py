"""The rules of the diagnosis in the database: every version, who chose it and when.

Version 1 is ours; each later one holds what the company chose otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from events import Connection

FIRST: Final = 1


class RulesVersion(msgspec.Struct, frozen=True):
    """One version; nobody changed the first."""

    version: int
    chosen: Mapping[str, Any]
    changed_at: datetime | None = None
    changed_by: str | None = None


_OURS: Final = RulesVersion(FIRST, {})


async def newest(connection: Connection) -> RulesVersion:
    """The version in force."""
    row = await connection.fetchrow(
        "SELECT version, chosen, changed_at, changed_by FROM diagnosis_rules"
        " ORDER BY version DESC LIMIT 1"
    )
    return _OURS if row is None else _version(row)


async def history(connection: Connection) -> list[RulesVersion]:
    """All versions, the newest first."""
    rows = await connection.fetch(
        "SELECT version, chosen, changed_at, changed_by FROM diagnosis_rules ORDER BY version DESC"
    )
    return [*(_version(row) for row in rows), _OURS]


async def add(connection: Connection, version: RulesVersion) -> bool:
    """Keep a version; False when somebody else took its number."""
    done = await connection.execute(
        "INSERT INTO diagnosis_rules (version, chosen, changed_at, changed_by)"
        " VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        version.version,
        json.dumps(version.chosen),
        version.changed_at,
        version.changed_by,
    )
    return bool(done == "INSERT 0 1")


def _version(row: Any) -> RulesVersion:
    number, chosen, at, by = row
    return RulesVersion(number, json.loads(chosen), at, by)
