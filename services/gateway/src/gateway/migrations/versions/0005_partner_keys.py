"""Keys with which partners send and read their events, and who did what with them."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"

_KEYS = """
CREATE TABLE partner_keys (
    id text PRIMARY KEY,
    partner text NOT NULL,
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    sources text[] NOT NULL CHECK (cardinality(sources) > 0),
    types text[] CHECK (cardinality(types) > 0),
    scopes text[] NOT NULL CHECK (cardinality(scopes) > 0),
    replaces text UNIQUE REFERENCES partner_keys,
    issued_at timestamptz NOT NULL,
    issued_by text NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    last_used_at timestamptz
)
"""
"""`types` is NULL for a key that may send all types of partners."""

_BY_AGE = "CREATE INDEX partner_keys_by_age ON partner_keys (issued_at, id)"

_AUDIT = """
CREATE TABLE partner_key_audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL,
    action text NOT NULL CHECK (action IN ('issue', 'rotate', 'revoke')),
    key_id text NOT NULL REFERENCES partner_keys,
    partner text NOT NULL,
    actor text NOT NULL,
    reason text NOT NULL
)
"""


def upgrade() -> None:
    for statement in (_KEYS, _BY_AGE, _AUDIT):
        op.execute(statement)
