"""The tables of the log and the statements on them."""

from __future__ import annotations

from typing import Final

DDL: Final = """
CREATE TABLE IF NOT EXISTS log_topics (
    id                integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name              text NOT NULL UNIQUE,
    retention_seconds bigint
);
CREATE TABLE IF NOT EXISTS log_partitions (
    topic_id     integer NOT NULL REFERENCES log_topics ON DELETE CASCADE,
    partition    integer NOT NULL,
    first_offset bigint NOT NULL DEFAULT 0,
    next_offset  bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (topic_id, partition)
) WITH (fillfactor = 50);
CREATE TABLE IF NOT EXISTS log_records (
    topic_id      integer NOT NULL,
    partition     integer NOT NULL,
    record_offset bigint NOT NULL,
    key           bytea,
    value         bytea,
    headers       bytea NOT NULL,
    appended_at   timestamptz NOT NULL,
    PRIMARY KEY (topic_id, partition, record_offset)
) WITH (
    autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 100000
);
"""

TOPICS: Final = """
SELECT t.id, t.name, t.retention_seconds, count(p.partition) AS partitions
FROM log_topics t LEFT JOIN log_partitions p ON p.topic_id = t.id
GROUP BY t.id ORDER BY t.name"""

LOCK_PARTITIONS: Final = """
SELECT p.topic_id, p.partition
FROM log_partitions p
JOIN unnest($1::int[], $2::int[]) AS w(topic_id, partition)
  ON p.topic_id = w.topic_id AND p.partition = w.partition
ORDER BY p.topic_id, p.partition
FOR UPDATE OF p"""
"""One order for all writers: two that append to the same partitions cannot deadlock."""

APPEND: Final = """
WITH new AS (
    SELECT n, topic_id, partition, key, value, headers,
           row_number() OVER (PARTITION BY topic_id, partition ORDER BY n) AS place
    FROM unnest($1::int[], $2::int[], $3::bytea[], $4::bytea[], $5::bytea[])
      WITH ORDINALITY AS r(topic_id, partition, key, value, headers, n)
), moved AS (
    UPDATE log_partitions p SET next_offset = p.next_offset + c.records
    FROM (SELECT topic_id, partition, count(*) AS records FROM new GROUP BY 1, 2) c
    WHERE p.topic_id = c.topic_id AND p.partition = c.partition
    RETURNING p.topic_id, p.partition, p.next_offset - c.records AS start
)
INSERT INTO log_records (topic_id, partition, record_offset, key, value, headers, appended_at)
SELECT new.topic_id, new.partition, moved.start + new.place - 1, new.key, new.value,
       new.headers, clock_timestamp()
FROM new JOIN moved USING (topic_id, partition)
ORDER BY new.n"""

READ: Final = """
SELECT w.n, r.record_offset, r.key, r.value, r.headers, r.appended_at
FROM unnest($1::int[], $2::int[], $3::bigint[]) WITH ORDINALITY AS w(topic_id, partition, start, n)
CROSS JOIN LATERAL (
    SELECT record_offset, key, value, headers, appended_at FROM log_records
    WHERE topic_id = w.topic_id AND partition = w.partition AND record_offset >= w.start
    ORDER BY record_offset LIMIT $4
) r
ORDER BY w.n, r.record_offset"""

OFFSETS: Final = """
SELECT t.name, p.partition, p.first_offset, p.next_offset
FROM log_partitions p JOIN log_topics t ON t.id = p.topic_id
WHERE t.name = ANY($1::text[])"""

TRIM: Final = """
WITH ours AS MATERIALIZED (
    SELECT p.topic_id, p.partition, p.first_offset, t.retention_seconds
    FROM log_partitions p JOIN log_topics t ON t.id = p.topic_id
    WHERE t.retention_seconds IS NOT NULL
    FOR UPDATE OF p SKIP LOCKED
), due AS MATERIALIZED (
    SELECT o.topic_id, o.partition, max(r.record_offset) AS last, count(*) AS records
    FROM ours o CROSS JOIN LATERAL (
        SELECT record_offset, appended_at FROM log_records
        WHERE topic_id = o.topic_id AND partition = o.partition
          AND record_offset >= o.first_offset
        ORDER BY record_offset LIMIT $1
    ) r
    WHERE r.appended_at < now() - make_interval(secs => o.retention_seconds)
    GROUP BY 1, 2
), gone AS (
    DELETE FROM log_records r USING due d
    WHERE r.topic_id = d.topic_id AND r.partition = d.partition AND r.record_offset <= d.last
), moved AS (
    UPDATE log_partitions p SET first_offset = d.last + 1
    FROM due d WHERE p.topic_id = d.topic_id AND p.partition = d.partition
)
SELECT coalesce(max(records), 0) = $1 FROM due"""
"""Forgets the oldest records of each partition, at most `$1` of each; whether there are more.

A partition to which somebody appends is passed over: who waits for it could deadlock with a
writer that waits for another one of ours.
"""
