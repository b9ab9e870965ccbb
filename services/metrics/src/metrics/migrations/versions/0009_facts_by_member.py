"""Facts can be found by the members that they are cut by.

Facts that are there have no marks yet, and are in nobody's way: with this release all figures are
built anew (`FOLD_VERSION`).
"""

from alembic import op

from events import schema_sql

revision = "0009"
down_revision = "0008"

_COLUMN = """
ALTER TABLE facts ADD COLUMN marks integer[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN facts.marks IS 'hashes of its kind with each member that it is cut by (marks.py)';
CREATE INDEX facts_by_mark ON facts USING gin (marks)
"""


def upgrade() -> None:
    for statement in schema_sql.statements(_COLUMN):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("forward only: restore a backup to go back")
