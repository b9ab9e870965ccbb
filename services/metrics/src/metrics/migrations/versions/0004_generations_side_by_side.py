"""Several generations of figures side by side, own definitions, and closed periods."""

from alembic import op

from events import schema_sql

revision = "0004"
down_revision = "0003"

_TABLES = """
ALTER TABLE generations RENAME COLUMN built_at TO asked_at;
ALTER TABLE generations
    ADD definitions    json NOT NULL DEFAULT '[]',
    ADD status         text NOT NULL DEFAULT 'retired'
        CHECK (status IN ('building', 'ready', 'live', 'retired', 'failed', 'dropped')),
    ADD to_go_live     boolean NOT NULL DEFAULT false,
    ADD asked_by       text NOT NULL DEFAULT 'system',
    ADD horizon        bigint NOT NULL DEFAULT 0,
    ADD committed      bigint NOT NULL DEFAULT 0,
    ADD events_done    bigint NOT NULL DEFAULT 0,
    ADD blocks_done    bigint NOT NULL DEFAULT 0,
    ADD blocks_left    bigint NOT NULL DEFAULT 0,
    ADD busy_seconds   double precision NOT NULL DEFAULT 0,
    ADD live_at        timestamptz,
    ADD retired_at     timestamptz,
    ADD failure        text;
UPDATE generations SET status = 'live', live_at = asked_at
WHERE id = (SELECT generation FROM live_generation);
CREATE UNIQUE INDEX one_live_generation ON generations (status) WHERE status = 'live';
COMMENT ON COLUMN generations.definitions IS 'KPIs defined by users, beside those of the release';
COMMENT ON COLUMN generations.horizon IS 'last block of the journal folded; not kept while live';
COMMENT ON COLUMN generations.committed IS 'no block up to this one can still be written';
CREATE TABLE closings (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    period            text NOT NULL,
    edition           integer NOT NULL,
    known_at          timestamptz NOT NULL,
    closed_at         timestamptz NOT NULL,
    closed_by         text NOT NULL,
    generation        integer NOT NULL,
    catalogue_version text NOT NULL,
    UNIQUE (period, edition)
);
COMMENT ON TABLE closings IS 'periods whose figures were published, by whom; append only';
CREATE TABLE published_values (
    closing   bigint NOT NULL REFERENCES closings (id),
    kpi       text NOT NULL,
    dimension text NOT NULL,
    version   integer NOT NULL,
    rows      jsonb NOT NULL,
    PRIMARY KEY (closing, kpi, dimension)
);
COMMENT ON TABLE published_values IS 'figures of closed periods, in total and by each dimension'
"""


def upgrade() -> None:
    for statement in schema_sql.statements(_TABLES):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("forward only: restore a backup to go back")
