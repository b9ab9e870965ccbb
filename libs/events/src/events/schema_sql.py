"""The tables that a service's database needs, as DDL for its first migration.

Each constant can be executed again without harm. A released constant is never
edited: a change is a new constant, executed by a new migration.
"""

from __future__ import annotations

from typing import Final

OUTBOX_SQL: Final = """
CREATE TABLE IF NOT EXISTS outbox (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id          text NOT NULL,
    aggregatetype     text NOT NULL,
    aggregateid       text NOT NULL,
    aggregate_version bigint NOT NULL CHECK (aggregate_version > 0),
    type              text NOT NULL,
    payload           json NOT NULL,
    source            text NOT NULL,
    occurred_at       timestamptz NOT NULL,
    recorded_at       timestamptz NOT NULL,
    traceparent       text,
    extensions        json,
    shard             smallint NOT NULL,
    CONSTRAINT outbox_version_is_unique
        UNIQUE (aggregatetype, source, aggregateid, aggregate_version)
) WITH (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 20000
);
COMMENT ON TABLE outbox IS 'events promised but not on the log yet; emptied on acknowledgement';
COMMENT ON COLUMN outbox.aggregatetype IS 'the topic (Debezium''s name for it)';
COMMENT ON COLUMN outbox.aggregateid IS 'the CloudEvents subject and the log''s key';
"""

CONSUMER_SQL: Final = """
CREATE TABLE IF NOT EXISTS consumer_members (
    consumer text NOT NULL,
    member   text NOT NULL,
    seen_at  timestamptz NOT NULL,
    PRIMARY KEY (consumer, member)
);
CREATE TABLE IF NOT EXISTS consumer_positions (
    consumer    text NOT NULL,
    topic       text NOT NULL,
    partition   integer NOT NULL,
    next_offset bigint NOT NULL,
    last_digest bytea,
    epoch       bigint NOT NULL,
    owner       text NOT NULL,
    watermark   timestamptz,
    stopped     text,
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, topic, partition)
) WITH (fillfactor = 50);
CREATE TABLE IF NOT EXISTS consumer_heads (
    consumer text NOT NULL,
    source   text NOT NULL,
    subject  text NOT NULL,
    sequence bigint NOT NULL,
    parked   integer NOT NULL DEFAULT 0,
    PRIMARY KEY (consumer, source, subject)
) WITH (fillfactor = 80);
CREATE TABLE IF NOT EXISTS consumer_parked (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    consumer       text NOT NULL,
    topic          text NOT NULL,
    partition      integer NOT NULL,
    record_offset  bigint NOT NULL,
    source         text,
    subject        text,
    sequence       bigint,
    type           text,
    event_id       text,
    reason         text NOT NULL,
    detail         text NOT NULL,
    hint           text NOT NULL,
    record_key     bytea,
    record_value   bytea,
    record_headers bytea NOT NULL,
    logged_at      timestamptz NOT NULL,
    parked_at      timestamptz NOT NULL DEFAULT now(),
    attempts       integer NOT NULL DEFAULT 1,
    requested      text CHECK (requested IN ('release', 'discard')),
    CONSTRAINT consumer_parked_once UNIQUE (consumer, topic, partition, record_offset)
);
CREATE INDEX IF NOT EXISTS consumer_parked_by_key
    ON consumer_parked (consumer, source, subject, sequence);
CREATE INDEX IF NOT EXISTS consumer_parked_requested
    ON consumer_parked (consumer, topic, partition) WHERE requested IS NOT NULL;
CREATE TABLE IF NOT EXISTS consumer_parked_audit (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    parked_id    bigint NOT NULL,
    consumer     text NOT NULL,
    topic        text NOT NULL,
    source       text,
    subject      text,
    sequence     bigint,
    event_id     text,
    parked_as    text NOT NULL,
    action       text NOT NULL CHECK (action IN ('release', 'discard')),
    actor        text NOT NULL,
    reason       text NOT NULL,
    record_value bytea,
    at           timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS consumer_parked_audit_by_parked ON consumer_parked_audit (parked_id);
"""

INBOX_SQL: Final = """
CREATE TABLE IF NOT EXISTS inbox (
    source      text NOT NULL,
    event_id    text NOT NULL,
    digest      bytea NOT NULL,
    type        text NOT NULL,
    subject     text NOT NULL,
    sequence    bigint NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (source, event_id)
);
CREATE TABLE IF NOT EXISTS inbox_subjects (
    source   text NOT NULL,
    subject  text NOT NULL,
    sequence bigint NOT NULL,
    PRIMARY KEY (source, subject)
) WITH (fillfactor = 80);
"""

INBOX_FEED_SQL: Final = """
CREATE TABLE IF NOT EXISTS inbox_sources (
    source      text PRIMARY KEY,
    position    bigint NOT NULL,
    received_at timestamptz NOT NULL
) WITH (fillfactor = 50);
CREATE TABLE IF NOT EXISTS inbox_days (
    source      text NOT NULL,
    received_on date NOT NULL,
    occurred_on date,
    type        text,
    verdict     text NOT NULL,
    events      bigint NOT NULL,
    CONSTRAINT inbox_days_once
        UNIQUE NULLS NOT DISTINCT (source, received_on, occurred_on, type, verdict)
) WITH (fillfactor = 50);
ALTER TABLE inbox_subjects ADD COLUMN IF NOT EXISTS last_event_id text;
ALTER TABLE inbox
    ADD COLUMN IF NOT EXISTS position    bigint,
    ADD COLUMN IF NOT EXISTS verdict     text NOT NULL DEFAULT 'accepted'
        CHECK (verdict IN ('accepted', 'conflict', 'rejected')),
    ADD COLUMN IF NOT EXISTS replaces    text,
    ADD COLUMN IF NOT EXISTS voids       text,
    ADD COLUMN IF NOT EXISTS occurred_at timestamptz,
    ADD COLUMN IF NOT EXISTS content     text,
    ADD COLUMN IF NOT EXISTS traceparent text,
    ADD COLUMN IF NOT EXISTS extensions  json,
    ADD COLUMN IF NOT EXISTS problem     json,
    DROP CONSTRAINT IF EXISTS inbox_pkey,
    ALTER COLUMN event_id DROP NOT NULL,
    ALTER COLUMN digest DROP NOT NULL,
    ALTER COLUMN type DROP NOT NULL,
    ALTER COLUMN subject DROP NOT NULL,
    ALTER COLUMN sequence DROP NOT NULL;
UPDATE inbox i SET position = n.position, replaces = n.replaces
FROM (
    SELECT source, event_id,
           row_number() OVER (PARTITION BY source ORDER BY received_at, subject, sequence)
             AS position,
           lag(event_id) OVER (PARTITION BY source, subject ORDER BY sequence) AS replaces
    FROM inbox
) n
WHERE i.position IS NULL AND i.source = n.source AND i.event_id = n.event_id;
ALTER TABLE inbox ALTER COLUMN position SET NOT NULL;
CREATE UNIQUE INDEX IF NOT EXISTS inbox_event_once
    ON inbox (source, event_id) WHERE verdict = 'accepted';
CREATE INDEX IF NOT EXISTS inbox_refused
    ON inbox (source, event_id, received_at) WHERE verdict <> 'accepted';
CREATE UNIQUE INDEX IF NOT EXISTS inbox_feed ON inbox (source, received_at, position);
CREATE INDEX IF NOT EXISTS inbox_by_subject ON inbox (source, subject, sequence);
UPDATE inbox_subjects s SET last_event_id = i.event_id
FROM inbox i
WHERE s.last_event_id IS NULL AND i.source = s.source AND i.subject = s.subject
  AND i.sequence = s.sequence;
INSERT INTO inbox_sources (source, position, received_at)
SELECT source, max(position), max(received_at) FROM inbox GROUP BY source
ON CONFLICT (source) DO NOTHING;
COMMENT ON TABLE inbox IS 'every event of partners: taken once, or refused with its reason';
COMMENT ON COLUMN inbox.position IS 'place among all of its source, 1, 2, 3, … in order of commit';
COMMENT ON COLUMN inbox.content IS 'the data as JSON; of a refused event all that was sent, cut off'
"""
"""What `INBOX_SQL` lacks so that partners can read back what they sent."""

INBOX_LEAN_SQL: Final = """
ALTER TABLE inbox
    ADD COLUMN IF NOT EXISTS outbox_id bigint,
    ALTER COLUMN source TYPE text COLLATE "C",
    ALTER COLUMN event_id TYPE text COLLATE "C",
    ALTER COLUMN subject TYPE text COLLATE "C";
ALTER TABLE inbox_sources ALTER COLUMN source TYPE text COLLATE "C";
UPDATE inbox i SET outbox_id = o.id
FROM outbox o
WHERE i.outbox_id IS NULL AND i.verdict = 'accepted' AND o.aggregatetype = 'partner'
  AND o.source = i.source AND o.aggregateid = i.subject AND o.aggregate_version = i.sequence;
CREATE UNIQUE INDEX IF NOT EXISTS inbox_sequence_once ON inbox (source, subject, sequence);
DROP INDEX IF EXISTS inbox_by_subject;
DROP TABLE IF EXISTS inbox_subjects;
ALTER TABLE outbox DROP CONSTRAINT IF EXISTS outbox_version_is_unique;
COMMENT ON COLUMN inbox.outbox_id IS 'its row in the outbox, which is gone once the log has it';
"""
"""Each event is written to as few rows and indexes as tell it apart.

A subject's sequence is that of its last row, kept unique by an index that was there for
reading; so neither a table of subjects nor a constraint of the outbox has to say it again.
Names are compared by their bytes: nobody reads them sorted, and a locale's rules cost more.
"""


def statements(ddl: str) -> list[str]:
    """The single statements of a constant, for drivers that execute one at a time (asyncpg)."""
    return [statement.strip() for statement in ddl.split(";\n") if statement.strip()]
