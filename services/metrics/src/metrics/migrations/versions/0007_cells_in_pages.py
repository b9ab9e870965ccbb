"""Cells in pages. They are built anew from the journal at the next start."""

from alembic import op

from events import schema_sql

revision = "0007"
down_revision = "0006"

_TABLES = """
DROP TABLE cells;
CREATE TABLE cells (
    generation integer NOT NULL,
    cube       smallint NOT NULL,
    dimension  smallint NOT NULL,
    day        integer NOT NULL,
    shard      smallint NOT NULL,
    body       bytea NOT NULL,
    PRIMARY KEY (generation, cube, dimension, day, shard)
) WITH (fillfactor = 70);
ALTER TABLE cells ALTER COLUMN body SET STORAGE EXTERNAL;
COMMENT ON TABLE cells IS 'sums of measures, those of one day and dimension in a row';
COMMENT ON COLUMN cells.body IS 'members, bins and a column for each measure: store/pages.py'
"""


def upgrade() -> None:
    for statement in schema_sql.statements(_TABLES):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("forward only: restore a backup to go back")
