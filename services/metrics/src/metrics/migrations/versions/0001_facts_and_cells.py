"""Journal, facts, cells and ledger."""

from alembic import op

from events import schema_sql

revision = "0001"
down_revision = None

_VECTOR = ", ".join(f"a{place} bigint NOT NULL" for place in range(8))

_TABLES = f"""
CREATE TABLE generations (
    id                integer PRIMARY KEY,
    time_zone         text NOT NULL,
    base_currency     text NOT NULL,
    catalogue_version text NOT NULL,
    built_at          timestamptz NOT NULL
);
COMMENT ON TABLE generations IS 'under which settings and definitions facts and cells were made';
CREATE TABLE live_generation (
    one        boolean PRIMARY KEY DEFAULT true CHECK (one),
    generation integer NOT NULL REFERENCES generations (id)
);
CREATE TABLE writers (
    shard    smallint PRIMARY KEY,
    sequence bigint NOT NULL
);
COMMENT ON TABLE writers IS 'version of each worker as the subject of its kpi.changed events';
CREATE TABLE journal (
    kind     text COLLATE "C" NOT NULL,
    key      text COLLATE "C" NOT NULL,
    source   text COLLATE "C" NOT NULL,
    subject  text COLLATE "C" NOT NULL,
    sequence bigint NOT NULL,
    event_id text NOT NULL,
    type     text NOT NULL,
    occurred timestamptz NOT NULL,
    recorded timestamptz NOT NULL,
    payload  bytea NOT NULL,
    PRIMARY KEY (kind, key, source, subject, sequence)
);
COMMENT ON TABLE journal IS 'every applied event under each fact that it belongs to; append only';
CREATE INDEX journal_partners_streams ON journal (source, subject)
    WHERE source NOT LIKE '/tandem/%';
CREATE TABLE facts (
    generation integer NOT NULL,
    kind       text COLLATE "C" NOT NULL,
    key        text COLLATE "C" NOT NULL,
    version    integer NOT NULL,
    first_on   integer,
    last_on    integer,
    problems   text[] NOT NULL,
    body       bytea NOT NULL,
    PRIMARY KEY (generation, kind, key)
) WITH (fillfactor = 80);
COMMENT ON COLUMN facts.first_on IS 'day number (days since 1970-01-01) of the first moment';
CREATE INDEX facts_by_day ON facts (generation, kind, last_on, first_on);
CREATE INDEX facts_with_problems ON facts (generation, kind, key) WHERE problems <> '{{}}';
CREATE TABLE cells (
    generation integer NOT NULL,
    cube       smallint NOT NULL,
    dimension  smallint NOT NULL,
    day        integer NOT NULL,
    member     text COLLATE "C" NOT NULL,
    bin        integer NOT NULL,
    shard      smallint NOT NULL,
    {_VECTOR},
    PRIMARY KEY (generation, cube, dimension, day, member, bin, shard)
) WITH (fillfactor = 70);
COMMENT ON TABLE cells IS 'sums of measures; which measure stands in which column: Layout';
CREATE TABLE ledger (
    generation integer NOT NULL,
    cube       smallint NOT NULL,
    dimension  smallint NOT NULL,
    day        integer NOT NULL,
    member     text COLLATE "C" NOT NULL,
    bin        integer NOT NULL,
    second     bigint NOT NULL,
    shard      smallint NOT NULL,
    {_VECTOR},
    PRIMARY KEY (generation, cube, dimension, day, member, bin, second, shard)
);
COMMENT ON TABLE ledger IS 'changes of cells by the second (since 1970) in which they became known'
"""


def upgrade() -> None:
    for ddl in (schema_sql.OUTBOX_SQL, schema_sql.CONSUMER_SQL, _TABLES):
        for statement in schema_sql.statements(ddl):
            op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("forward only: restore a backup to go back")
