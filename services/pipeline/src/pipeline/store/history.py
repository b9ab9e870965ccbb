"""Reads what a deal has been through."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from events import Connection
from pipeline.domain.revision import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What one version changed: field to [before, after]."""

    version: int
    kind: str
    occurred_at: datetime
    recorded_at: datetime
    actor: str
    reason: str | None
    changed: dict[str, list[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """All stays and all changes of a deal, oldest first, and whose team's it is."""

    team: str | None
    steps: tuple[Step, ...]
    changes: tuple[Change, ...]


_HISTORY: Final = """
SELECT json_build_object(
    'team', d.team,
    'steps', (
        SELECT coalesce(json_agg(s ORDER BY s.version), '[]')
        FROM deal_steps s WHERE s.deal_id = d.id
    ),
    'changes', (
        SELECT coalesce(json_agg(c ORDER BY c.version), '[]')
        FROM deal_changes c WHERE c.deal_id = d.id
    )
)::text
FROM deals d WHERE d.id = $1"""
_read: Final = msgspec.json.Decoder(History).decode
_read_changed: Final = msgspec.json.Decoder(list[dict[str, list[Any]]]).decode


async def history_of(connection: Connection, deal_id: str) -> History | None:
    """The whole history of a deal, deleted ones included."""
    found: str | None = await connection.fetchval(_HISTORY, deal_id)
    return None if found is None else _read(found)


async def changed_since(connection: Connection, deal_id: str, version: int) -> dict[str, list[Any]]:
    """Field to [its value in that version, its value now], for the fields that differ."""
    found: str = await connection.fetchval(
        "SELECT coalesce(json_agg(changed ORDER BY version), '[]')::text FROM deal_changes"
        " WHERE deal_id = $1 AND version > $2",
        deal_id,
        version,
    )
    net: dict[str, list[Any]] = {}
    for changed in _read_changed(found):
        for field, (before, after) in changed.items():
            net[field] = [net[field][0] if field in net else before, after]
    return {field: pair for field, pair in net.items() if pair[0] != pair[1]}
