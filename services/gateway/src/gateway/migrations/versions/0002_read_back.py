"""What partners sent can be read back: contents, refusals, positions and counts by day."""

from __future__ import annotations

from alembic import op

from events import schema_sql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    for statement in schema_sql.statements(schema_sql.INBOX_FEED_SQL):
        op.execute(statement)
