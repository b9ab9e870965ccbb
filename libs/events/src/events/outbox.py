"""Promise events inside the transaction that makes them true.

Invariant: a row is in the outbox if and only if its event is not known to be on
the log. It is a queue, not a history: the relay deletes what was acknowledged,
so a transaction that commits late is never skipped (a cursor would lose it).

The columns are those that Debezium's outbox event router reads, plus our own.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from zlib import crc32

import asyncpg
import msgspec

from events.errors import EventTooLarge
from events.event import Event, encode_data

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

SHARDS: Final = 8
"""Into how many queues an outbox is cut; at most so many relays can share one."""

MAX_EVENT_BYTES: Final = 512 * 1024
"""Half of what a broker takes by default, so that headers and growth have room."""

_INSERT: Final = """
INSERT INTO outbox (event_id, aggregatetype, aggregateid, aggregate_version, type, payload,
                    source, occurred_at, recorded_at, traceparent, extensions, shard)
SELECT e.event_id, e.topic, e.subject, e.version, e.type, e.payload::json, e.source,
       e.occurred_at, e.recorded_at, e.traceparent, e.extensions::json, e.shard
FROM unnest({0}) WITH ORDINALITY
  AS e(event_id, topic, subject, version, type, payload, source, occurred_at, recorded_at,
       traceparent, extensions, shard, n)
ORDER BY e.n"""
_TYPES: Final = (
    *("text[]", "text[]", "text[]", "bigint[]", "text[]", "text[]", "text[]"),
    *("timestamptz[]", "timestamptz[]", "text[]", "text[]", "smallint[]"),
)
_ONE_ROW: Final = """
INSERT INTO outbox (event_id, aggregatetype, aggregateid, aggregate_version, type, payload,
                    source, occurred_at, recorded_at, traceparent, extensions, shard)
VALUES ({0})"""
"""Most transactions promise one event; arrays of one cost both sides more than the row does."""


STRETCH: Final = "inbox.stretch"
"""Type of a row that stands for events which the inbox holds: those of `source` from position
`aggregate_version` on, `recorded_at` the same instant. `payload` says how many `events`, and how
many `bytes` they will be. A batch of a partner is one row then, and not one for each event."""
_DEPTH: Final = f"""
SELECT count(*), sum(CASE type WHEN '{STRETCH}' THEN (payload->>'events')::bigint ELSE 1 END),
       pg_stat_get_live_tuples('outbox'::regclass),
       (SELECT extract(epoch FROM now() - recorded_at)::float8 FROM outbox ORDER BY id LIMIT 1)
FROM (SELECT type, payload FROM outbox LIMIT $1) counted"""  # noqa: S608 - our own constant
_COUNTED: Final = 10_000


class Depth(NamedTuple):
    """How many events wait in an outbox; beyond 10,000 rows it is PostgreSQL's estimate."""

    waiting: int
    oldest_seconds: float


async def measure(connection: asyncpg.Connection[Any] | PoolConnectionProxy[Any]) -> Depth:
    """How much waits, and since when. Quick however much that is."""
    row = await connection.fetchrow(_DEPTH, _COUNTED)
    assert row is not None
    rows, events, estimated, oldest = row
    waiting = int(events or 0)
    if rows == _COUNTED:
        waiting = waiting * max(rows, estimated) // rows
    return Depth(waiting, max(0.0, oldest or 0.0))


def shard_of(subject: str) -> int:
    """The queue of an aggregate: all its events share one, so their order is kept."""
    return crc32(subject.encode()) % SHARDS


async def append_asyncpg(
    connection: asyncpg.Connection[Any] | PoolConnectionProxy[Any],
    events: Sequence[Event],
    *,
    topic: str | None = None,
) -> None:
    """Promise events in the caller's asyncpg transaction; the caller commits.

    `topic` overrides that of the type (the gateway files all partners' events under `partner`).
    Raises EventTooLarge; a version that is already promised comes as UniqueViolationError.
    """
    if events:
        await connection.execute(_insert(1, one=len(events) == 1), *_values(events, topic))


def together(
    statement: str, *arguments: Any, events: Sequence[Event], topic: str | None = None
) -> tuple[Any, ...]:
    """A statement of the business and its arguments, for asyncpg, that promises events as well.

    The rows then cost no round trip of their own, which is most of what they cost. What the
    statement gives stays the same; it may begin with WITH, but not with WITH RECURSIVE. As with
    `append_asyncpg`, a version that is already promised comes as UniqueViolationError.
    """
    if not events:
        return statement, *arguments
    joined = _joined(statement, after=len(arguments), one=len(events) == 1)
    return joined, *arguments, *_values(events, topic)


@cache
def _joined(statement: str, *, after: int, one: bool) -> str:
    text = statement.lstrip()
    rest = f", {text[5:]}" if text[:5].upper() == "WITH " else f" {text}"
    return f"WITH promised AS ({_insert(after + 1, one=one)}){rest}"


@cache
def _insert(first: int, *, one: bool) -> str:
    """Inserts one row or many, from the parameters from number `first` on."""
    parameters = [f"${n}" for n in range(first, first + len(_TYPES))]
    if one:
        return _ONE_ROW.format(", ".join(parameters))
    casts = zip(parameters, _TYPES, strict=True)
    return _INSERT.format(", ".join(f"{parameter}::{kind}" for parameter, kind in casts))


def _values(events: Sequence[Event], topic: str | None) -> Sequence[Any]:
    return _row(events[0], topic) if len(events) == 1 else _columns(events, topic)


def _columns(events: Sequence[Event], topic: str | None) -> tuple[list[Any], ...]:
    rows = [_row(event, topic) for event in events]
    return tuple(list(column) for column in zip(*rows, strict=True))


def _row(event: Event, topic: str | None) -> tuple[Any, ...]:
    payload = encode_data(event.data)
    if len(payload) > MAX_EVENT_BYTES:
        raise EventTooLarge(
            f"{event.type} about {event.subject} has {len(payload)} bytes of {MAX_EVENT_BYTES}",
            hint="put the bulk elsewhere and send a reference",
        )
    extensions = msgspec.json.encode(event.extensions).decode() if event.extensions else None
    return (
        event.id,
        topic or event.data.topic,
        event.subject,
        event.sequence,
        event.type,
        payload.decode(),
        event.source,
        event.time,
        event.recordedtime,
        event.traceparent,
        extensions,
        shard_of(event.subject),
    )
