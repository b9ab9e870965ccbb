"""Pages of whole months beside those of days. All are stale at first, and added up in time."""

from alembic import op

from events import schema_sql

revision = "0008"
down_revision = "0007"

_TABLES = """
CREATE TABLE cells_by_month (
    generation integer NOT NULL,
    cube       smallint NOT NULL,
    dimension  smallint NOT NULL,
    month      integer NOT NULL,
    shard      smallint NOT NULL,
    body       bytea,
    PRIMARY KEY (generation, cube, dimension, month, shard)
);
ALTER TABLE cells_by_month ALTER COLUMN body SET STORAGE EXTERNAL;
COMMENT ON TABLE cells_by_month IS 'what the pages of a month''s days add up to';
COMMENT ON COLUMN cells_by_month.month IS 'its first day';
COMMENT ON COLUMN cells_by_month.body IS 'runs of cells (store/runs.py); null while it is stale';
CREATE INDEX ON cells_by_month (generation, month) WHERE body IS NULL;

-- What has been kept by months from the start has no other days.
INSERT INTO cells_by_month (generation, cube, dimension, month, shard)
SELECT DISTINCT generation, cube, dimension,
       date_trunc('month', DATE '1970-01-01' + day)::date - DATE '1970-01-01', shard
FROM cells JOIN (
    SELECT generation, cube FROM cells GROUP BY generation, cube
    HAVING bool_or(date_part('day', DATE '1970-01-01' + day) <> 1)
) AS by_days USING (generation, cube)
"""


def upgrade() -> None:
    for statement in schema_sql.statements(_TABLES):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("forward only: restore a backup to go back")
