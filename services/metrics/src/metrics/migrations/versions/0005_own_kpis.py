"""Own KPIs: every version of every definition."""

from alembic import op

from events import schema_sql

revision = "0005"
down_revision = "0004"

_TABLES = """
CREATE TABLE own_kpis (
    id         text NOT NULL,
    version    integer NOT NULL,
    definition json,
    changed_at timestamptz NOT NULL,
    changed_by text NOT NULL,
    is_asked   boolean NOT NULL DEFAULT false,
    PRIMARY KEY (id, version)
);
CREATE INDEX own_kpis_not_asked ON own_kpis (changed_at) WHERE NOT is_asked;
COMMENT ON TABLE own_kpis IS 'KPIs that users defined, every version; append only';
COMMENT ON COLUMN own_kpis.definition IS 'null where the KPI was retired';
COMMENT ON COLUMN own_kpis.is_asked IS 'whether figures with this change have been asked for'
"""


def upgrade() -> None:
    for statement in schema_sql.statements(_TABLES):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("forward only: restore a backup to go back")
