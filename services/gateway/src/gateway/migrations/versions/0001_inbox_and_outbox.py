"""Where partners' events are kept apart from their copies, and promised to the log."""

from __future__ import annotations

from alembic import op

from events import schema_sql

revision = "0001"
down_revision = None

_BY_SUBJECT = """
CREATE INDEX inbox_by_subject ON inbox (source, subject, sequence)
"""
"""An answer names the event that the new one replaces: the one before it of its subject."""


def upgrade() -> None:
    for ddl in (schema_sql.INBOX_SQL, schema_sql.OUTBOX_SQL, _BY_SUBJECT):
        for statement in schema_sql.statements(ddl):
            op.execute(statement)
