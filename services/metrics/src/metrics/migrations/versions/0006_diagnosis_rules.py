"""The rules of the diagnosis: every version of what a company chose otherwise."""

from alembic import op

from events import schema_sql

revision = "0006"
down_revision = "0005"

_TABLES = """
CREATE TABLE diagnosis_rules (
    version    integer PRIMARY KEY,
    chosen     json NOT NULL,
    changed_at timestamptz NOT NULL,
    changed_by text NOT NULL
);
COMMENT ON TABLE diagnosis_rules IS 'what a company chose otherwise than we do; append only'
"""


def upgrade() -> None:
    for statement in schema_sql.statements(_TABLES):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("forward only: restore a backup to go back")
