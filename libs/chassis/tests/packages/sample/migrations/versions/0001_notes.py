from alembic import op

from events import schema_sql

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE notes (
            id text PRIMARY KEY,
            team text,
            title text NOT NULL UNIQUE,
            amount_minor bigint NOT NULL,
            parent_id text REFERENCES notes (id) DEFERRABLE INITIALLY DEFERRED,
            version int NOT NULL,
            changed_at timestamptz NOT NULL
        )
        """
    )
    op.execute(schema_sql.OUTBOX_SQL)
    op.execute(schema_sql.CONSUMER_SQL)
