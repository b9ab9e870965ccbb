"""The statements that file partners' events.

`ACCEPT` is one statement, so that a batch costs one round trip and its own
transaction. Its order of locks is the same for all writers: sources, events. It
looks before it has the lock of a source, so of two processes that take events of
one id or subject at the same moment the later breaks `inbox_event_once` or
`inbox_sequence_once`. It then takes `LOCK` first, and cannot be late again.
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

LOCK: Final = """
INSERT INTO inbox_sources AS t (source, position, received_at)
SELECT source, 0, $2 FROM unnest($1::text[]) AS s(source) ORDER BY source COLLATE "C"
ON CONFLICT (source) DO UPDATE SET position = t.position"""
"""What holds these locks already sees, in its next statement, all that was filed before."""

# Texts come joined and not as arrays: a driver that looks at each item takes 5 us an event.
# `LATERAL … LIMIT 1` is an index look-up for each event, whatever the planner believes; for a
# join of two lists that it knows nothing about it takes a nested loop, the square of the batch.
ACCEPT: Final = f"""
WITH sent AS (
    SELECT s.source COLLATE "C" AS source, s.event_id COLLATE "C" AS event_id, s.type,
           s.subject COLLATE "C" AS subject, s.occurred_at::timestamptz AS occurred_at,
           decode(s.digest, 'hex') AS digest, s.payload, s.voids, s.traceparent, s.extensions,
           s.shard::smallint AS shard, s.n
    FROM unnest(
        string_to_array($1, $12), string_to_array($2, $12), string_to_array($3, $12),
        string_to_array($4, $12), string_to_array($5, $12), string_to_array($6, $12),
        string_to_array($7, $12), string_to_array($8, $12, ''), string_to_array($9, $12, ''),
        string_to_array($10, $12, ''), string_to_array($11, $12))
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
    SELECT source, count(*), $13 FROM fresh GROUP BY source ORDER BY source
    ON CONFLICT (source) DO UPDATE
    SET position = t.position + excluded.position,
        received_at = greatest(t.received_at, excluded.received_at)
    RETURNING source, coalesce(old.position, 0) AS start, received_at
), numbered AS (
    SELECT f.*, p.start + f.place AS position, p.received_at,
           coalesce(head.sequence, 0) + f.version AS sequence,
           coalesce(f.previous, head.event_id) AS replaces
    FROM fresh f JOIN placed p USING (source)
    LEFT JOIN LATERAL (
        SELECT i.sequence, i.event_id FROM inbox i
        WHERE i.source = f.source AND i.subject = f.subject AND i.sequence IS NOT NULL
        ORDER BY i.sequence DESC LIMIT 1
    ) head ON true
    ORDER BY f.n
), taken AS (
    SELECT *, nextval('outbox_id_seq') AS outbox_id FROM numbered
), filed AS (
    INSERT INTO inbox (source, position, received_at, event_id, digest, type, subject, sequence,
                       replaces, voids, occurred_at, content, traceparent, extensions, outbox_id)
    SELECT source, position, received_at, event_id, digest, type, subject, sequence,
           replaces, voids, occurred_at, payload, traceparent, extensions::json, outbox_id
    FROM taken
), promised AS (
    INSERT INTO outbox (id, event_id, aggregatetype, aggregateid, aggregate_version, type, payload,
                        source, occurred_at, recorded_at, traceparent, extensions, shard)
    OVERRIDING SYSTEM VALUE
    SELECT outbox_id, event_id, '{TOPIC}', subject, sequence, type, payload::json,
           source, occurred_at, received_at, traceparent, extensions::json, shard
    FROM taken
), counted AS (
    INSERT INTO inbox_days AS t (source, received_on, occurred_on, type, verdict, events)
    SELECT source, ($13 AT TIME ZONE $14)::date, (occurred_at AT TIME ZONE $14)::date, type,
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
