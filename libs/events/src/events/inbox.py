"""The inbox: a partner's event is taken once, whatever the partner repeats.

Invariant: (source, id) names one content for ever. The same again is a
duplicate, another content under the same id is a conflict that is shown and
never taken. Accepted events get the next sequence of their (source, subject),
so that consumers treat them like our own.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any, Final, Literal

import msgspec

from events.consumer.received import Connection
from events.event import Event, encode_data
from events.outbox import append_asyncpg
from events.types import EventData
from events.types.partner import EventVoided

Verdict = Literal["accepted", "duplicate", "conflict", "unknown_event"]
TOPIC: Final = "partner"


class Incoming(msgspec.Struct, frozen=True, kw_only=True):
    """A partner's event, read and checked, but without a sequence yet."""

    id: str
    source: str
    type: str
    subject: str | None
    """None for `event.voided`: it is filed under the subject of the event that it voids."""
    time: datetime
    data: EventData
    traceparent: str | None = None
    extensions: dict[str, str] = {}

    @property
    def digest(self) -> bytes:
        """Tells content from content: type, time and data, however they were spelt."""
        content = [self.type, self.time.isoformat(), encode_data(self.data).decode()]
        return blake2b(msgspec.json.encode(content), digest_size=16).digest()


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one incoming event; the rest is that of the first copy.

    `unknown_event`: it voids an event that this source never sent.
    """

    verdict: Verdict
    subject: str | None = None
    sequence: int | None = None
    received_at: datetime | None = None


class _Known(msgspec.Struct):
    digest: bytes
    subject: str
    sequence: int
    received_at: datetime


_LOCK: Final = """
SELECT pg_advisory_xact_lock(hashtextextended(source, 7)) FROM (
    SELECT DISTINCT source FROM unnest($1::text[]) AS s(source) ORDER BY source) ordered"""

_FIND: Final = """
SELECT i.source, i.event_id, i.digest, i.subject, i.sequence, i.received_at
FROM unnest($1::text[], $2::text[]) AS w(source, event_id)
JOIN inbox i ON i.source = w.source AND i.event_id = w.event_id"""

_SEQUENCES: Final = """
SELECT s.source, s.subject, s.sequence
FROM unnest($1::text[], $2::text[]) AS w(source, subject)
JOIN inbox_subjects s ON s.source = w.source AND s.subject = w.subject"""

_FILE: Final = """
INSERT INTO inbox (source, event_id, digest, type, subject, sequence, received_at)
SELECT *, $7
FROM unnest($1::text[], $2::text[], $3::bytea[], $4::text[], $5::text[], $6::bigint[])"""

_COUNT: Final = """
INSERT INTO inbox_subjects (source, subject, sequence)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[])
ON CONFLICT (source, subject) DO UPDATE SET sequence = excluded.sequence"""


async def receive(
    connection: Connection, events: Sequence[Incoming], *, received_at: datetime
) -> list[Receipt]:
    """Take events in the caller's transaction: inbox, sequence and outbox (topic `partner`).

    One receipt for each, in order. Set-based: a batch costs a few statements.
    Requests of one source wait for each other until they commit, which makes
    its sequences contiguous.
    """
    if not events:
        return []
    await connection.execute(_LOCK, [event.source for event in events])
    known = await _find(connection, events)
    sequences = await _sequences(connection, events, known)
    receipts: list[Receipt] = []
    accepted: list[tuple[Incoming, _Known]] = []
    for event in events:
        receipt, entry = _judge(event, known, sequences, received_at=received_at)
        receipts.append(receipt)
        if entry is not None:
            accepted.append((event, entry))
    if accepted:
        await _file(connection, accepted, received_at=received_at)
    return receipts


async def _find(
    connection: Connection, events: Sequence[Incoming]
) -> dict[tuple[str, str], _Known]:
    """What is known of these ids, and of those that they void."""
    wanted = [(event.source, event.id) for event in events]
    wanted += [(e.source, e.data.event_id) for e in events if isinstance(e.data, EventVoided)]
    rows = await connection.fetch(_FIND, *_columns(wanted))
    return {(row[0], row[1]): _Known(*row[2:]) for row in rows}


async def _sequences(
    connection: Connection, events: Sequence[Incoming], known: dict[tuple[str, str], _Known]
) -> dict[tuple[str, str], int]:
    subjects = {(e.source, e.subject) for e in events if e.subject is not None}
    subjects |= {(source, entry.subject) for (source, _), entry in known.items()}
    rows = await connection.fetch(_SEQUENCES, *_columns(sorted(subjects)))
    return {(row[0], row[1]): row[2] for row in rows}


def _judge(
    event: Incoming,
    known: dict[tuple[str, str], _Known],
    sequences: dict[tuple[str, str], int],
    *,
    received_at: datetime,
) -> tuple[Receipt, _Known | None]:
    first = known.get((event.source, event.id))
    if first is not None:
        verdict: Verdict = "duplicate" if first.digest == event.digest else "conflict"
        return _receipt(verdict, first), None
    subject = event.subject
    if isinstance(event.data, EventVoided):
        voided = known.get((event.source, event.data.event_id))
        subject = None if voided is None else voided.subject
    if subject is None:
        return Receipt(verdict="unknown_event"), None
    sequence = sequences.get((event.source, subject), 0) + 1
    sequences[event.source, subject] = sequence
    entry = _Known(event.digest, subject, sequence, received_at)
    known[event.source, event.id] = entry
    return _receipt("accepted", entry), entry


def _receipt(verdict: Verdict, entry: _Known) -> Receipt:
    return Receipt(
        verdict=verdict,
        subject=entry.subject,
        sequence=entry.sequence,
        received_at=entry.received_at,
    )


async def _file(
    connection: Connection, accepted: Sequence[tuple[Incoming, _Known]], *, received_at: datetime
) -> None:
    rows = [
        (event.source, event.id, entry.digest, event.type, entry.subject, entry.sequence)
        for event, entry in accepted
    ]
    await connection.execute(_FILE, *_columns(rows), received_at)
    newest = {(event.source, entry.subject): entry.sequence for event, entry in accepted}
    await connection.execute(_COUNT, *_columns([(*key, n) for key, n in sorted(newest.items())]))
    await append_asyncpg(
        connection,
        [
            Event.of(
                event.data,
                id=event.id,
                source=event.source,
                subject=entry.subject,
                sequence=entry.sequence,
                occurred_at=event.time,
                recorded_at=received_at,
                traceparent=event.traceparent,
                extensions=event.extensions,
            )
            for event, entry in accepted
        ],
        topic=TOPIC,
    )


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[], []]
