"""The rows of partners' keys, and of what was done with them.

Invariant: each act is committed with its line in the audit; a key is never deleted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, Literal

import msgspec

from events import Connection

Action = Literal["issue", "rotate", "revoke"]


class PartnerKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key as it is kept."""

    id: str
    partner: str
    hash: bytes
    sources: list[str]
    types: list[str] | None
    scopes: list[str]
    replaces: str | None
    replaced_by: str | None
    issued_at: datetime
    issued_by: str
    expires_at: datetime
    revoked_at: datetime | None
    last_used_at: datetime | None

    def is_live(self, now: datetime) -> bool:
        """Whether it opens the door."""
        return self.revoked_at is None and self.expires_at > now


class Audited(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the audit."""

    id: int
    at: datetime
    action: Action
    key_id: str
    partner: str
    actor: str
    reason: str


_SELECT: Final = """
SELECT k.*, n.id AS replaced_by FROM partner_keys k LEFT JOIN partner_keys n ON n.replaces = k.id
"""
_ONE: Final = f"{_SELECT} WHERE k.id = $1"
_PAGE: Final = f"""{_SELECT}
WHERE ($1::text IS NULL OR k.partner = $1)
  AND ($2::timestamptz IS NULL OR (k.issued_at, k.id) > ($2, $3))
ORDER BY k.issued_at, k.id LIMIT $4
"""
_KNOWN: Final = f"""{_SELECT}
WHERE coalesce(k.revoked_at, 'infinity') > $1 AND k.expires_at > $1
"""
_HOLDER: Final = """
SELECT partner FROM partner_keys
WHERE revoked_at IS NULL AND expires_at > $1 AND partner <> $2 AND sources && $3 LIMIT 1
"""
_INSERT: Final = """
INSERT INTO partner_keys
    (id, partner, hash, sources, types, scopes, replaces, issued_at, issued_by, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""
_AUDIT: Final = """
INSERT INTO partner_key_audit (at, action, key_id, partner, actor, reason)
SELECT $1, $2, id, partner, $4, $5 FROM partner_keys WHERE id = $3
"""
_USED: Final = """
UPDATE partner_keys k SET last_used_at = used.at
FROM unnest($1::text[], $2::timestamptz[]) AS used (id, at)
WHERE k.id = used.id AND (k.last_used_at IS NULL OR k.last_used_at < used.at)
"""


async def one_at_a_time(connection: Connection) -> None:
    """Let no other administrator change keys until this transaction ends; reading goes on."""
    await connection.execute("LOCK TABLE partner_keys IN SHARE ROW EXCLUSIVE MODE")


async def find(connection: Connection, key_id: str) -> PartnerKey | None:
    """One key."""
    row = await connection.fetchrow(_ONE, key_id)
    return row and PartnerKey(**row)


async def list_keys(
    connection: Connection,
    *,
    partner: str | None,
    after: tuple[datetime, str] | None,
    limit: int,
) -> list[PartnerKey]:
    """Keys, oldest first."""
    at, key_id = after or (None, None)
    return [PartnerKey(**row) for row in await connection.fetch(_PAGE, partner, at, key_id, limit)]


async def known_since(connection: Connection, ended_after: datetime) -> list[PartnerKey]:
    """All keys but those that ended before."""
    return [PartnerKey(**row) for row in await connection.fetch(_KNOWN, ended_after)]


async def other_holder(
    connection: Connection, partner: str, sources: Sequence[str], *, now: datetime
) -> str | None:
    """Another partner with a live key for one of the sources."""
    found: str | None = await connection.fetchval(_HOLDER, now, partner, sources)
    return found


async def insert(connection: Connection, key: PartnerKey) -> None:
    """Keep a new key."""
    await connection.execute(
        _INSERT,
        *(key.id, key.partner, key.hash, key.sources, key.types, key.scopes, key.replaces),
        *(key.issued_at, key.issued_by, key.expires_at),
    )


async def end_by(connection: Connection, key_id: str, at: datetime) -> None:
    """Let a key expire at an instant, unless it does before."""
    await connection.execute(
        "UPDATE partner_keys SET expires_at = least(expires_at, $2) WHERE id = $1", key_id, at
    )


async def revoke(connection: Connection, key_id: str, at: datetime) -> None:
    """End a key."""
    await connection.execute("UPDATE partner_keys SET revoked_at = $2 WHERE id = $1", key_id, at)


async def note_use(connection: Connection, used: Mapping[str, datetime]) -> None:
    """Keep when keys were last used; an older instant than the one kept says nothing."""
    await connection.execute(_USED, list(used), list(used.values()))


async def audit(
    connection: Connection, action: Action, key_id: str, *, at: datetime, actor: str, reason: str
) -> None:
    """Write down who did what."""
    await connection.execute(_AUDIT, at, action, key_id, actor, reason)


async def list_audit(
    connection: Connection, *, key_id: str | None, after: int, limit: int
) -> list[Audited]:
    """Lines of the audit, oldest first."""
    rows = await connection.fetch(
        "SELECT * FROM partner_key_audit WHERE id > $1 AND ($2::text IS NULL OR key_id = $2)"
        " ORDER BY id LIMIT $3",
        *(after, key_id, limit),
    )
    return [Audited(**row) for row in rows]
