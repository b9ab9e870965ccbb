"""Journal and ledger in packed blocks; changes wait in `pending` until they are added to cells.

Everything but the journal is built anew at the next start. The old journal is
packed here, with an encoder of this file's own: a migration must not change
when the code does.
"""

import zlib
from collections.abc import Iterable
from typing import Any

import msgspec
from alembic import op
from sqlalchemy import text

from events import schema_sql

revision = "0002"
down_revision = "0001"

_EVENTS_PER_BLOCK = 64

_BEFORE = """
ALTER TABLE journal RENAME TO journal_by_event;
ALTER TABLE journal_by_event RENAME CONSTRAINT journal_pkey TO journal_by_event_pkey;
DROP TABLE ledger;
TRUNCATE cells;
DROP TABLE facts;
CREATE SEQUENCE journal_block_ids;
CREATE TABLE journal (
    id   bigint PRIMARY KEY,
    body bytea NOT NULL
);
ALTER TABLE journal ALTER COLUMN body SET STORAGE EXTERNAL;
COMMENT ON TABLE journal IS 'every applied event, packed in blocks; append only';
CREATE TABLE partner_streams (
    source  text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    kind    text COLLATE "C" NOT NULL,
    key     text COLLATE "C" NOT NULL,
    PRIMARY KEY (source, subject, kind, key)
);
COMMENT ON TABLE partner_streams IS 'facts that events of a partner''s stream belong to';
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
) WITH (fillfactor = 70);
COMMENT ON COLUMN facts.first_on IS 'day number (days since 1970-01-01) of the first moment';
CREATE INDEX facts_by_day ON facts USING brin (last_on, first_on) WITH (pages_per_range = 32);
CREATE INDEX facts_with_problems ON facts (generation, kind, key) WHERE problems <> '{}';
CREATE TABLE pending (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    generation   integer NOT NULL,
    shard        smallint NOT NULL,
    deltas       integer NOT NULL,
    kinds        text[] COLLATE "C" NOT NULL,
    first_on     integer NOT NULL,
    last_on      integer NOT NULL,
    first_second bigint NOT NULL,
    last_second  bigint NOT NULL,
    body         bytea NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
ALTER TABLE pending ALTER COLUMN body SET STORAGE EXTERNAL;
COMMENT ON TABLE pending IS 'changes that are not in cells and ledger yet; readers add them';
CREATE TABLE ledger (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    generation   integer NOT NULL,
    deltas       integer NOT NULL,
    kinds        text[] COLLATE "C" NOT NULL,
    first_on     integer NOT NULL,
    last_on      integer NOT NULL,
    first_second bigint NOT NULL,
    last_second  bigint NOT NULL,
    body         bytea NOT NULL
);
ALTER TABLE ledger ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE INDEX ledger_by_knowledge ON ledger (generation, last_second);
COMMENT ON TABLE ledger IS 'which moments were said or taken back, and in which second'
"""

_OLD = """
DECLARE old CURSOR FOR
SELECT kind, key, source, subject, sequence, event_id, type,
       (extract(epoch FROM occurred) * 1000000)::bigint,
       (extract(epoch FROM recorded) * 1000000)::bigint, payload
FROM journal_by_event ORDER BY recorded, source, subject, sequence, kind, key"""

_AFTER = """
CLOSE old;
INSERT INTO partner_streams
SELECT DISTINCT source, subject, kind, key FROM journal_by_event WHERE source NOT LIKE '/tandem/%';
DROP TABLE journal_by_event
"""


def upgrade() -> None:
    _run(_BEFORE)
    connection = op.get_bind()
    connection.execute(text(_OLD))
    while rows := connection.execute(text(f"FETCH {_EVENTS_PER_BLOCK} FROM old")).all():
        connection.execute(
            text("INSERT INTO journal VALUES (nextval('journal_block_ids'), :body)"),
            {"body": _packed(rows)},
        )
    _run(_AFTER)


def _packed(rows: Iterable[Any]) -> bytes:
    return zlib.compress(msgspec.msgpack.encode([tuple(row) for row in rows]), 1)


def _run(ddl: str) -> None:
    for statement in schema_sql.statements(ddl):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("forward only: restore a backup to go back")
