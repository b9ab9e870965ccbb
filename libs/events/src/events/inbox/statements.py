"""The statements that file partners' events.

`ACCEPT` is one statement, so that a batch costs one round trip and its own
transaction. Its order of locks is the same for all writers: sources, subjects,
events. Two processes that take the same id at the same moment cannot see each
other; the later one then breaks the index `inbox_event_once` and tries again.
"""

from __future__ import annotations

from typing import Final

TOPIC: Final = "partner"
"""Where all partners' events go, whatever their type."""

SUBJECTS: Final = """
SELECT i.source, i.event_id, i.subject
FROM unnest($1::text[], $2::text[]) AS w(source, event_id)
JOIN inbox i ON i.source = w.source AND i.event_id = w.event_id AND i.verdict = 'accepted'"""
"""Under which subjects the events are that others void."""

_KEY: Final = "(octet_length(source) || ':' || source || subject)"

# The heads are looked up in a jsonb and not joined: for a join of two lists that it knows nothing
# about the planner takes a nested loop, or sorts by the source alone. With 1,000 events of one
# source that took nine tenths of the time.
ACCEPT: Final = f"""
WITH sent AS (
    SELECT * FROM unnest(
        $1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::bytea[],
        $7::text[], $8::text[], $9::text[], $10::text[], $11::smallint[])
      WITH ORDINALITY AS s(source, event_id, type, subject, occurred_at, digest,
                           payload, voids, traceparent, extensions, shard, n)
), looked AS (
    SELECT s.*, i.digest = s.digest AS same, i.subject AS known_subject, i.sequence, i.replaces,
           i.received_at
    FROM sent s
    LEFT JOIN LATERAL (
        SELECT * FROM inbox i
        WHERE i.source = s.source AND i.event_id = s.event_id AND i.verdict = 'accepted' LIMIT 1
    ) i ON true
), fresh AS (
    SELECT source, event_id, type, subject, occurred_at, digest, payload, voids, traceparent,
           extensions, shard, n,
           row_number() OVER (PARTITION BY source ORDER BY n) AS place,
           row_number() OVER about AS version,
           lag(event_id) OVER about AS previous
    FROM looked WHERE same IS NULL
    WINDOW about AS (PARTITION BY source, subject ORDER BY n)
), placed AS (
    INSERT INTO inbox_sources AS t (source, position, received_at)
    SELECT source, count(*), $12 FROM fresh GROUP BY source ORDER BY source
    ON CONFLICT (source) DO UPDATE
    SET position = t.position + excluded.position,
        received_at = greatest(t.received_at, excluded.received_at)
    RETURNING source, coalesce(old.position, 0) AS start, received_at
), numbered AS (
    INSERT INTO inbox_subjects AS t (source, subject, sequence, last_event_id)
    SELECT f.source, f.subject, max(f.version), (array_agg(f.event_id ORDER BY f.n DESC))[1]
    FROM fresh f JOIN placed USING (source)
    GROUP BY f.source, f.subject ORDER BY f.source, f.subject
    ON CONFLICT (source, subject) DO UPDATE
    SET sequence = t.sequence + excluded.sequence, last_event_id = excluded.last_event_id
    RETURNING source, subject, coalesce(old.sequence, 0) AS start, old.last_event_id
), heads AS (
    SELECT jsonb_object_agg({_KEY}, jsonb_build_array(start, last_event_id)) AS by_key
    FROM numbered
), taken AS (
    SELECT f.*, p.start + f.place AS position, p.received_at,
           ((SELECT by_key FROM heads) -> {_KEY} ->> 0)::bigint + f.version AS sequence,
           coalesce(f.previous, (SELECT by_key FROM heads) -> {_KEY} ->> 1) AS replaces
    FROM fresh f JOIN placed p USING (source)
), filed AS (
    INSERT INTO inbox (source, position, received_at, event_id, digest, type, subject, sequence,
                       replaces, voids, occurred_at, content, traceparent, extensions)
    SELECT source, position, received_at, event_id, digest, type, subject, sequence,
           replaces, voids, occurred_at, payload, traceparent, extensions::json
    FROM taken ORDER BY n
), promised AS (
    INSERT INTO outbox (event_id, aggregatetype, aggregateid, aggregate_version, type, payload,
                        source, occurred_at, recorded_at, traceparent, extensions, shard)
    SELECT event_id, '{TOPIC}', subject, sequence, type, payload::json,
           source, occurred_at, received_at, traceparent, extensions::json, shard
    FROM taken ORDER BY n
), counted AS (
    INSERT INTO inbox_days AS t (source, received_on, occurred_on, type, verdict, events)
    SELECT source, ($12 AT TIME ZONE $13)::date, (occurred_at AT TIME ZONE $13)::date, type,
           verdict, count(*)
    FROM (
        SELECT source, occurred_at, type, 'accepted' AS verdict FROM fresh
        UNION ALL SELECT source, occurred_at, type, 'duplicate' FROM looked WHERE same
    ) seen
    GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
    ON CONFLICT ON CONSTRAINT inbox_days_once DO UPDATE SET events = t.events + excluded.events
)
SELECT n, 'accepted', subject, sequence, replaces, received_at FROM taken
UNION ALL
SELECT n, CASE WHEN same THEN 'duplicate' ELSE 'conflict' END, known_subject, sequence, replaces,
       received_at
FROM looked WHERE same IS NOT NULL"""  # noqa: S608 - constants only

REFUSE: Final = """
WITH sent AS (
    SELECT * FROM unnest(
        $1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::text[], $7::text[])
      WITH ORDINALITY AS s(source, verdict, event_id, type, occurred_at, content, problem, n)
), placed AS (
    INSERT INTO inbox_sources AS t (source, position, received_at)
    SELECT source, count(*), $8 FROM sent GROUP BY source ORDER BY source
    ON CONFLICT (source) DO UPDATE
    SET position = t.position + excluded.position,
        received_at = greatest(t.received_at, excluded.received_at)
    RETURNING source, coalesce(old.position, 0) AS start, received_at
), counted AS (
    INSERT INTO inbox_days AS t (source, received_on, occurred_on, type, verdict, events)
    SELECT source, ($8 AT TIME ZONE $9)::date, (occurred_at AT TIME ZONE $9)::date, type,
           verdict, count(*)
    FROM sent
    GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
    ON CONFLICT ON CONSTRAINT inbox_days_once DO UPDATE SET events = t.events + excluded.events
)
INSERT INTO inbox (source, position, received_at, verdict, event_id, type, occurred_at, content,
                   problem)
SELECT s.source, p.start + row_number() OVER (PARTITION BY s.source ORDER BY s.n), p.received_at,
       s.verdict, s.event_id, s.type, s.occurred_at, s.content, s.problem::json
FROM sent s JOIN placed p USING (source)
ORDER BY s.n"""
