"""How far the topics of partners are read."""

from __future__ import annotations

from alembic import op

from events import schema_sql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    for statement in schema_sql.statements(schema_sql.CONSUMER_SQL):
        op.execute(statement)
