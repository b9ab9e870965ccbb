"""The statements that file partners' events.

A batch costs two round trips: `LOOK` tells what is known of its events, then they are numbered
(`events.inbox.numbering`), and `FILE` writes them in a statement that is its own transaction.
Its order of locks is the same for all writers: sources, events. `LOOK` has no lock, so of two
processes that take events of one id or subject at the same moment the later breaks
`inbox_event_once` or `inbox_sequence_once`. It then takes `LOCK` first, and cannot be late again.
"""

from __future__ import annotations

from typing import Final

from events.outbox import STRETCH

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
LOOK: Final = """
SELECT s.n, i.subject, i.sequence, i.replaces, i.received_at,
       i.digest, i.type, i.occurred_at, i.content, h.sequence, h.event_id
FROM unnest(string_to_array($1, $4), string_to_array($2, $4), string_to_array($3, $4))
  WITH ORDINALITY AS s(source, event_id, subject, n)
LEFT JOIN LATERAL (
    SELECT subject, sequence, replaces, received_at, digest, type, occurred_at,
           sha256(convert_to(content, 'UTF8')) AS content
    FROM inbox
    WHERE source = s.source AND event_id = s.event_id COLLATE "C" AND verdict = 'accepted' LIMIT 1
) i ON true
LEFT JOIN LATERAL (
    SELECT sequence, event_id FROM inbox
    WHERE source = s.source AND subject = s.subject COLLATE "C" AND sequence IS NOT NULL
    ORDER BY sequence DESC LIMIT 1
) h ON true
WHERE i.subject IS NOT NULL OR h.sequence IS NOT NULL"""
"""Of each event: the one taken under its id, and the last about its subject. New ones are left out.

Contents come as hashes: what a partner sent before may be far larger than what it sends now.
"""

# Of several sources the events stand together, in the order of `$1`: a row's position is its place
# among all plus what `taken` says of its source. Subscripts, because a join would be a nested loop.
# A column is NULL when it would say the same of all: one source, the first of their subjects, one
# type. Each column that is taken apart costs a third of a microsecond an event.
FILE: Final = f"""
WITH placed AS (
    INSERT INTO inbox_sources AS t (source, position, received_at)
    SELECT source, events, $5 FROM unnest($1::text[], $2::bigint[]) AS s(source, events)
    ON CONFLICT (source) DO UPDATE
    SET position = t.position + excluded.position,
        received_at = greatest(t.received_at, excluded.received_at)
    RETURNING source, position, received_at
), promised AS (
    INSERT INTO outbox (event_id, aggregatetype, aggregateid, aggregate_version, type, payload,
                        source, occurred_at, recorded_at, shard)
    SELECT '', '{TOPIC}', source, p.position - s.events + 1, '{STRETCH}',
           json_build_object('events', s.events, 'bytes', s.bytes),
           source, p.received_at, p.received_at, s.shard
    FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::smallint[])
      AS s(source, events, bytes, shard)
    JOIN placed p USING (source)
    RETURNING id, source
), taken AS (
    SELECT array_agg(p.position - s.through ORDER BY s.n) AS before,
           array_agg(p.received_at ORDER BY s.n) AS received_at,
           array_agg(o.id ORDER BY s.n) AS outbox_id
    FROM (SELECT source, n, sum(events) OVER (ORDER BY n)::bigint AS through
          FROM unnest($1::text[], $2::bigint[]) WITH ORDINALITY AS s(source, events, n)) s
    JOIN placed p USING (source) JOIN promised o USING (source)
), filed AS (
    INSERT INTO inbox (source, position, received_at, event_id, type, subject, sequence,
                       replaces, voids, occurred_at, content, traceparent, extensions, outbox_id)
    SELECT ($1::text[])[coalesce(s.k::integer, 1)], t.before[coalesce(s.k::integer, 1)] + s.n,
           t.received_at[coalesce(s.k::integer, 1)],
           s.event_id, coalesce(s.type, $24), s.subject, coalesce(s.sequence::bigint, 1),
           s.replaces, s.voids, s.occurred_at::timestamptz, s.content, s.traceparent,
           s.extensions::json, t.outbox_id[coalesce(s.k::integer, 1)]
    FROM taken t, unnest(
        string_to_array($12, $23), string_to_array($13, $23), string_to_array($14, $23),
        string_to_array($15, $23), string_to_array($16, $23), string_to_array($17, $23),
        string_to_array($18, $23), string_to_array($19, $23, ''), string_to_array($20, $23, ''),
        string_to_array($21, $23, ''), string_to_array($22, $23, ''))
      WITH ORDINALITY AS s(k, event_id, type, subject, sequence, occurred_at, content,
                           replaces, voids, traceparent, extensions, n)
), counted AS (
    INSERT INTO inbox_days AS t (source, received_on, occurred_on, type, verdict, events)
    SELECT source, ($5 AT TIME ZONE $6)::date, (minute AT TIME ZONE $6)::date, type, verdict,
           sum(events)
    FROM unnest($7::text[], $8::text[], $9::text[]::timestamptz[], $10::text[], $11::bigint[])
      AS s(source, type, minute, verdict, events)
    GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
    ON CONFLICT ON CONSTRAINT inbox_days_once DO UPDATE SET events = t.events + excluded.events
)
SELECT source, received_at FROM placed"""  # noqa: S608 - constants only

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
