"""An event of a partner is written to fewer tables and indexes; what they said, others do."""

from __future__ import annotations

from alembic import op

from events import schema_sql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    for statement in schema_sql.statements(schema_sql.INBOX_LEAN_SQL):
        op.execute(statement)
