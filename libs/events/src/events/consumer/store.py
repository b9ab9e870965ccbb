"""The consumer's own rows: positions, heads and parked records, moved in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from events.cloudevents.kafka import from_record
from events.consumer.plan import Entry, Head, Key, ParkedRow, Plan, settled
from events.consumer.received import Connection, Received
from events.errors import DataError, Fenced, SchemaViolation
from events.log import Record, TopicPartition

_pack: Final = msgspec.msgpack.Encoder().encode
_unpack: Final = msgspec.msgpack.Decoder(list[tuple[str, bytes | None]]).decode

_ADVANCE: Final = """
UPDATE consumer_positions p
SET next_offset = w.next, last_digest = coalesce(w.digest, p.last_digest),
    watermark = greatest(p.watermark, w.watermark), updated_at = now()
FROM unnest($2::text[], $3::int[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bytea[],
            $8::timestamptz[])
  AS w(topic, partition, epoch, start, next, digest, watermark)
WHERE p.consumer = $1 AND p.topic = w.topic AND p.partition = w.partition
  AND p.epoch = w.epoch AND p.next_offset = w.start"""

_HEADS: Final = """
SELECT h.source, h.subject, h.sequence, h.parked
FROM unnest($2::text[], $3::text[]) AS w(source, subject)
JOIN consumer_heads h ON h.consumer = $1 AND h.source = w.source AND h.subject = w.subject"""

_MOVE_HEADS: Final = """
INSERT INTO consumer_heads AS h (consumer, source, subject, sequence, parked)
SELECT $1, w.source, w.subject, w.sequence, w.parked
FROM unnest($2::text[], $3::text[], $4::bigint[], $5::int[]) AS w(source, subject, sequence, parked)
ON CONFLICT (consumer, source, subject)
DO UPDATE SET sequence = excluded.sequence, parked = excluded.parked"""

_WAITING: Final = """
SELECT p.* FROM unnest($2::text[], $3::text[]) AS w(source, subject)
JOIN consumer_parked p ON p.consumer = $1 AND p.source = w.source AND p.subject = w.subject
WHERE p.sequence IS NOT NULL"""

_REQUESTED: Final = """
SELECT * FROM consumer_parked
WHERE consumer = $1 AND requested IS NOT NULL
  AND (topic, partition) IN (SELECT * FROM unnest($2::text[], $3::int[]))
ORDER BY id LIMIT 1000"""

_PARK: Final = """
INSERT INTO consumer_parked (
    consumer, topic, partition, record_offset, source, subject, sequence, type, event_id,
    reason, detail, hint, record_key, record_value, record_headers, logged_at)
SELECT $1, * FROM unnest(
    $2::text[], $3::int[], $4::bigint[], $5::text[], $6::text[], $7::bigint[], $8::text[],
    $9::text[], $10::text[], $11::text[], $12::text[], $13::bytea[], $14::bytea[], $15::bytea[],
    $16::timestamptz[])
ON CONFLICT ON CONSTRAINT consumer_parked_once DO NOTHING"""

_REPARK: Final = """
UPDATE consumer_parked p
SET reason = w.reason, detail = w.detail, hint = w.hint, requested = NULL,
    attempts = p.attempts + w.attempts
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::int[])
  AS w(id, reason, detail, hint, attempts)
WHERE p.id = w.id"""

_WAITS: Final = {
    "gap": (
        "an earlier event of this aggregate has not come",
        "wait, or release this one as it is",
    ),
    "held": ("an earlier event of this aggregate is parked", "release or discard that one"),
}


class Advance(msgspec.Struct, frozen=True):
    """A partition's way from `start` to `next`, valid only in `epoch`."""

    partition: TopicPartition
    epoch: int
    start: int
    next: int
    digest: bytes | None
    watermark: datetime | None


async def advance(connection: Connection, consumer: str, moves: Sequence[Advance]) -> None:
    """Move positions, as the first statement of the transaction; raises Fenced.

    The compare-and-set is what makes an event count once: of two processes that
    read the same records, one finds the position or epoch changed.
    """
    status = await connection.execute(
        _ADVANCE,
        consumer,
        [move.partition.topic for move in moves],
        [move.partition.partition for move in moves],
        [move.epoch for move in moves],
        [move.start for move in moves],
        [move.next for move in moves],
        [move.digest for move in moves],
        [move.watermark for move in moves],
    )
    if int(status.rpartition(" ")[2]) != len(moves):
        raise Fenced(
            "another process has claimed a partition", hint="nothing to do: it goes on there"
        )


async def load_heads(connection: Connection, consumer: str, keys: Iterable[Key]) -> dict[Key, Head]:
    """The heads of the keys with what waits behind each."""
    wanted = list(keys)
    if not wanted:
        return {}
    rows = await connection.fetch(_HEADS, consumer, [k[0] for k in wanted], [k[1] for k in wanted])
    heads = {(source, subject): Head(sequence) for source, subject, sequence, _ in rows}
    behind = [(row[0], row[1]) for row in rows if row[3]]
    if behind:
        parked = await connection.fetch(
            _WAITING, consumer, [k[0] for k in behind], [k[1] for k in behind]
        )
        for row in parked:
            heads[row["source"], row["subject"]].waiting[row["sequence"]] = parked_entry(row)
    return heads


async def load_requested(
    connection: Connection, consumer: str, partitions: Sequence[TopicPartition]
) -> list[Entry]:
    """Parked records of these partitions that somebody released or discarded."""
    rows = await connection.fetch(
        _REQUESTED, consumer, [p.topic for p in partitions], [p.partition for p in partitions]
    )
    return [parked_entry(row) for row in rows]


async def save(
    connection: Connection, consumer: str, plan: Plan, *, before: Mapping[Key, Head]
) -> None:
    """Write what the plan changes; the handler has run in the same transaction."""
    moved = sorted(
        (key, head.sequence, len(head.waiting))
        for key, head in plan.heads.items()
        if _differs(head, before.get(key))
    )
    if moved:  # sorted, so that two writers cannot deadlock
        await connection.execute(
            _MOVE_HEADS,
            consumer,
            [key[0] for key, _, _ in moved],
            [key[1] for key, _, _ in moved],
            [sequence for _, sequence, _ in moved],
            [waiting for _, _, waiting in moved],
        )
    if plan.drop:
        await connection.execute("DELETE FROM consumer_parked WHERE id = ANY($1)", plan.drop)
    if plan.park:
        columns = zip(*(_parked_row(entry, reason) for entry, reason in plan.park), strict=True)
        await connection.execute(_PARK, consumer, *(list(column) for column in columns))
    if plan.repark:
        reparked = [_reparked_row(entry, reason) for entry, reason in plan.repark]
        await connection.execute(_REPARK, *(list(c) for c in zip(*reparked, strict=True)))


def _differs(head: Head, before: Head | None) -> bool:
    return (
        before is None
        or before.sequence != head.sequence
        or len(before.waiting) != len(head.waiting)
    )


class StoredRecord(msgspec.Struct, frozen=True):
    """A record as it was when it was parked."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]
    timestamp: int


def read_entry(record: Record) -> Entry:
    """Decode a record; what is wrong with it stands in the entry, not in an exception."""
    try:
        event = from_record(record)
    except SchemaViolation as error:
        return Entry(record, event=error.event, error=settled(error))
    except DataError as error:
        return Entry(record, error=settled(error))
    return Entry(
        record, event=event, received=Received(event, record.topic, record.partition, record.offset)
    )


def stored_record(row: Any) -> StoredRecord:
    return StoredRecord(
        topic=row["topic"],
        partition=row["partition"],
        offset=row["record_offset"],
        key=row["record_key"],
        value=row["record_value"],
        headers=_unpack(row["record_headers"]),
        timestamp=int(row["logged_at"].timestamp() * 1000),
    )


def parked_entry(row: Any) -> Entry:
    """A parked record, decoded anew: a later version of the code may understand it."""
    entry = read_entry(stored_record(row))
    entry.parked = ParkedRow(row["id"], row["reason"], row["requested"], row["attempts"])
    return entry


def explain(entry: Entry, reason: str) -> tuple[str, str]:
    """What is wrong, and the mend, for the person who looks at it."""
    fact, hint = _WAITS.get(reason, ("", ""))
    if entry.error is not None and reason not in _WAITS:
        fact, hint = entry.error.fact, entry.error.hint
    return fact.replace("\x00", "�"), hint.replace("\x00", "�")


def _parked_row(entry: Entry, reason: str) -> tuple[Any, ...]:
    record, event = entry.record, entry.event
    return (
        record.topic,
        record.partition,
        record.offset,
        event and event.source,
        event and event.subject,
        event and event.sequence,
        event and event.type,
        event and event.id,
        reason,
        *explain(entry, reason),
        record.key,
        record.value,
        _pack(list(record.headers)),
        datetime.fromtimestamp(record.timestamp / 1000, UTC),
    )


def _reparked_row(entry: Entry, reason: str) -> tuple[Any, ...]:
    assert entry.parked is not None
    tried = 1 if entry.error is not None and entry.parked.requested else 0
    return (entry.parked.id, reason, *explain(entry, reason), tried)
