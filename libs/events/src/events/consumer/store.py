"""Parked records: what was put aside, in the order in which it was."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from events.consumer.entry import Entry, Key, ParkedRow, Read, read_entry
from events.consumer.plan import Plan
from events.consumer.received import Connection
from events.errors import EventsError
from events.log import TopicPartition

_pack: Final = msgspec.msgpack.Encoder().encode
_unpack: Final = msgspec.msgpack.Decoder(list[tuple[str, bytes | None]]).decode

_WAITING: Final = """
SELECT p.* FROM unnest($2::text[], $3::text[]) AS w(source, subject)
JOIN consumer_parked p ON p.consumer = $1 AND p.source = w.source AND p.subject = w.subject
WHERE p.sequence IS NOT NULL
ORDER BY p.id"""

_REQUESTED: Final = """
SELECT * FROM consumer_parked
WHERE consumer = $1 AND requested IS NOT NULL
  AND (topic, partition) IN (SELECT * FROM unnest($2::text[], $3::int[]))
ORDER BY id LIMIT 1000"""

_KEYS: Final = """
SELECT DISTINCT source, subject FROM consumer_parked WHERE consumer = $1 AND sequence IS NOT NULL"""

_FIRST: Final = """
SELECT * FROM (
    SELECT DISTINCT ON (source, subject) * FROM consumer_parked
    WHERE consumer = $1 AND sequence IS NOT NULL
    ORDER BY source, subject, id
) first
WHERE reason IN ('gap', 'held') AND (topic, partition) IN (
    SELECT * FROM unnest($2::text[], $3::int[]))
LIMIT 1000"""

_PARK: Final = """
INSERT INTO consumer_parked (
    consumer, topic, partition, record_offset, source, subject, sequence, type, event_id,
    reason, detail, hint, record_key, record_value, record_headers, logged_at)
SELECT $1, * FROM unnest(
    $2::text[], $3::int[], $4::bigint[], $5::text[], $6::text[], $7::bigint[], $8::text[],
    $9::text[], $10::text[], $11::text[], $12::text[], $13::bytea[], $14::bytea[], $15::bytea[],
    $16::timestamptz[])
ON CONFLICT ON CONSTRAINT consumer_parked_once DO NOTHING"""

_DROP: Final = """
DELETE FROM consumer_parked p USING unnest($1::bigint[], $2::text[]) AS w(id, requested)
WHERE p.id = w.id AND (w.requested IS NULL OR p.requested = w.requested)"""
"""What only waited goes when its turn has come, whatever was asked for it meanwhile."""

_REPARK: Final = """
UPDATE consumer_parked p
SET reason = w.reason, detail = w.detail, hint = w.hint,
    requested = CASE WHEN p.requested IS DISTINCT FROM w.requested THEN p.requested END,
    attempts = p.attempts + w.attempts
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::int[])
  AS w(id, requested, reason, detail, hint, attempts)
WHERE p.id = w.id"""
"""What was asked for after it was loaded stays asked for."""

_WAITS: Final = {
    "gap": (
        "an earlier event of this aggregate has not come",
        "wait, or release this one as it is",
    ),
    "held": ("an earlier event of this aggregate is parked", "release or discard that one"),
}


class DecidedMeanwhile(EventsError):
    """A person decided otherwise while the first decision was carried out: undo, begin again."""


class StoredRecord(msgspec.Struct, frozen=True):
    """A record as it was when it was parked."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]
    timestamp: int


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


class ParkedRows:
    """The parked records of one consumer, decoded anew whenever they are loaded.

    A later version of the code may understand what an earlier one could not.
    """

    def __init__(self, consumer: str, *, read: Read) -> None:
        self._consumer = consumer
        self._read = read

    async def requested(
        self, connection: Connection, partitions: Sequence[TopicPartition]
    ) -> list[Entry]:
        """Those of these partitions that somebody released or discarded."""
        return await self._fetch(connection, _REQUESTED, partitions)

    async def overdue(
        self, connection: Connection, partitions: Sequence[TopicPartition]
    ) -> list[Entry]:
        """Those that wait although nothing stands before them."""
        return await self._fetch(connection, _FIRST, partitions)

    async def keys(self, connection: Connection) -> set[Key]:
        """All keys of which something is parked."""
        rows = await connection.fetch(_KEYS, self._consumer)
        return {(source, subject) for source, subject in rows}

    async def of(self, connection: Connection, keys: Iterable[Key]) -> dict[Key, list[Entry]]:
        """What is parked of these keys, in the order in which it was parked."""
        wanted, found = list(keys), dict[Key, list[Entry]]()
        if wanted:
            sources, subjects = [key[0] for key in wanted], [key[1] for key in wanted]
            for row in await connection.fetch(_WAITING, self._consumer, sources, subjects):
                found.setdefault((row["source"], row["subject"]), []).append(self._entry(row))
        return found

    async def save(self, connection: Connection, plan: Plan) -> None:
        """Write what the plan parks, parks again and drops. Raises DecidedMeanwhile."""
        if plan.drop:
            await _drop(connection, plan.drop)
        if plan.park:
            columns = zip(*(_parked_row(entry, reason) for entry, reason in plan.park), strict=True)
            await connection.execute(_PARK, self._consumer, *(list(column) for column in columns))
        if plan.repark:
            reparked = [_reparked_row(entry, reason) for entry, reason in plan.repark]
            await connection.execute(_REPARK, *(list(c) for c in zip(*reparked, strict=True)))

    async def _fetch(
        self, connection: Connection, query: str, partitions: Sequence[TopicPartition]
    ) -> list[Entry]:
        rows = await connection.fetch(
            query, self._consumer, [p.topic for p in partitions], [p.partition for p in partitions]
        )
        return [self._entry(row) for row in rows]

    def _entry(self, row: Any) -> Entry:
        where = TopicPartition(row["topic"], row["partition"])
        entry = read_entry(where, stored_record(row), self._read)
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
        entry.where.topic,
        entry.where.partition,
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
    # Each refusal counts, or two dead letters about one record would have the same sequence.
    refused = 1 if entry.error is not None else 0
    parked = entry.parked
    return (parked.id, parked.requested, reason, *explain(entry, reason), refused)


async def _drop(connection: Connection, rows: Sequence[ParkedRow]) -> None:
    asked = {row.id: row.requested for row in rows}
    status = await connection.execute(_DROP, list(asked), list(asked.values()))
    if int(status.rpartition(" ")[2]) < len(asked):
        raise DecidedMeanwhile(
            "a parked record was released and then discarded, or the other way round",
            hint="nothing to do: it is read again with the last decision",
        )
