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


def statements(ddl: str) -> list[str]:
    """The single statements of a constant, for drivers that execute one at a time (asyncpg)."""
    return [statement.strip() for statement in ddl.split(";\n") if statement.strip()]
