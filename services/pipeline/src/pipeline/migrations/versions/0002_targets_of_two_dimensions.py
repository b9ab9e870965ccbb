"""Targets may name a second dimension and member: one product in one region."""

from alembic import op

from events.schema_sql import statements

revision = "0002"
down_revision = "0001"

_CHANGES = """
ALTER TABLE targets ADD COLUMN second_scope text COLLATE "C";
ALTER TABLE targets ADD COLUMN second_scope_value text COLLATE "C";
DROP INDEX targets_key;
CREATE UNIQUE INDEX targets_key
    ON targets (kpi, scope, scope_value, second_scope, second_scope_value, period)
    NULLS NOT DISTINCT;
"""


def upgrade() -> None:
    for statement in statements(_CHANGES):
        op.execute(statement)
