"""Records that were put aside, and what a person can do about them.

A record is parked because it is broken (`undecodable`, `schema`,
`unprocessable`), because an earlier one of its aggregate is (`held`), or because
an earlier one never came (`gap`). `held` and `gap` leave by themselves when what
they wait for is applied or discarded.

Release and discard are requests: the consumer that owns the partition carries
them out within about a second, in order, so there is one writer.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from events.consumer.received import Connection
from events.consumer.store import stored_record
from events.errors import EventsError
from events.log import Headers


class ParkedNotFound(EventsError):
    """No record is parked under this id: it may have been released meanwhile."""


class EarlierStillParked(EventsError):
    """An earlier record of the same aggregate must be released or discarded first."""


class Parked(msgspec.Struct, frozen=True, kw_only=True):
    """A parked record without its bytes. Fields are None where the envelope was unreadable."""

    id: int
    consumer: str
    topic: str
    partition: int
    offset: int
    source: str | None
    subject: str | None
    sequence: int | None
    type: str | None
    event_id: str | None
    reason: str
    detail: str
    hint: str
    logged_at: datetime
    parked_at: datetime
    attempts: int
    requested: str | None
    """`release` or `discard` when somebody asked for it and the consumer has yet to do it."""


class ParkedRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A parked record with its bytes as they came."""

    parked: Parked
    key: bytes | None
    value: bytes | None
    headers: Headers


_COLUMNS: Final = """
    id, consumer, topic, partition, record_offset, source, subject, sequence, type, event_id,
    reason, detail, hint, logged_at, parked_at, attempts, requested"""

_MATCHING: Final = """
    ($1::text IS NULL OR consumer = $1) AND ($2::text IS NULL OR topic = $2)
    AND ($3::text IS NULL OR reason = $3) AND ($4::text IS NULL OR subject = $4)
    AND ($5::text IS NULL OR source = $5) AND ($6::text IS NULL OR type = $6)
    AND ($7::timestamptz IS NULL OR parked_at < $7)"""

_LIST: Final = f"""
SELECT {_COLUMNS} FROM consumer_parked
WHERE id > $8 AND {_MATCHING}
ORDER BY id LIMIT $9"""  # noqa: S608 - constants only

_OPEN: Final = f"""
    requested IS NULL AND {_MATCHING}
    AND ($3::text IS NOT NULL OR reason NOT IN ('held', 'gap'))"""
"""What waits for another leaves with it, and is chosen only by name."""

_COUNT: Final = f"SELECT count(*) FROM consumer_parked WHERE {_OPEN}"  # noqa: S608

_REQUEST_MANY: Final = f"""
WITH wanted AS MATERIALIZED (
    SELECT id, consumer, source, subject, sequence FROM consumer_parked
    WHERE {_OPEN} ORDER BY id LIMIT $8 FOR UPDATE
), free AS (
    SELECT w.id FROM wanted w
    WHERE w.sequence IS NULL OR NOT EXISTS (
        SELECT FROM consumer_parked e
        WHERE e.consumer = w.consumer AND e.source = w.source AND e.subject = w.subject
          AND e.sequence < w.sequence AND e.requested IS NULL
          AND e.id NOT IN (SELECT id FROM wanted))
), told AS (
    INSERT INTO consumer_parked_audit (
        parked_id, consumer, topic, source, subject, sequence, event_id, parked_as, action,
        actor, reason, record_value)
    SELECT id, consumer, topic, source, subject, sequence, event_id, reason, $9, $10, $11,
           record_value
    FROM consumer_parked WHERE id IN (SELECT id FROM free) ORDER BY id
)
UPDATE consumer_parked SET requested = $9 WHERE id IN (SELECT id FROM free)"""  # noqa: S608

_AUDITED: Final = """
SELECT id, parked_id, consumer, topic, source, subject, sequence, event_id, parked_as, action,
       actor, reason, at
FROM consumer_parked_audit
WHERE id > $1 AND ($2::bigint IS NULL OR parked_id = $2)
ORDER BY id LIMIT $3"""

_EARLIER: Final = """
SELECT id FROM consumer_parked
WHERE consumer = $1 AND source = $2 AND subject = $3 AND sequence < $4 AND requested IS NULL
ORDER BY sequence LIMIT 1"""

_AUDIT: Final = """
INSERT INTO consumer_parked_audit (
    parked_id, consumer, topic, source, subject, sequence, event_id, parked_as, action, actor,
    reason, record_value)
SELECT id, consumer, topic, source, subject, sequence, event_id, reason, $2, $3, $4, record_value
FROM consumer_parked WHERE id = $1"""


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Which parked records are meant; None means any."""

    consumer: str | None = None
    topic: str | None = None
    reason: str | None = None
    subject: str | None = None
    source: str | None = None
    type: str | None = None
    parked_before: datetime | None = None

    @property
    def arguments(self) -> tuple[Any, ...]:
        """In the order of the statements' first parameters."""
        return (
            *(self.consumer, self.topic, self.reason, self.subject),
            *(self.source, self.type, self.parked_before),
        )


class Requested(msgspec.Struct, frozen=True):
    """Of `matched` records so many were asked for; the others must wait for earlier ones."""

    matched: int
    requested: int


class Audited(msgspec.Struct, frozen=True):
    """Who decided what about a parked record, and why. Never changed, never deleted."""

    id: int
    parked_id: int
    consumer: str
    topic: str
    source: str | None
    subject: str | None
    sequence: int | None
    event_id: str | None
    parked_as: str
    action: str
    actor: str
    reason: str
    at: datetime


async def list_parked(
    connection: Connection,
    selection: Selection | None = None,
    *,
    after: int = 0,
    limit: int = 50,
) -> list[Parked]:
    """Parked records by id; the next page is `after` the last id of this one."""
    chosen = selection or Selection()
    rows = await connection.fetch(_LIST, *chosen.arguments, after, limit)
    return [_parked(row) for row in rows]


async def count_parked(connection: Connection, selection: Selection) -> int:
    """How many `request_many` would ask for, were there no limit."""
    count: int = await connection.fetchval(_COUNT, *selection.arguments)
    return count


async def request_many(
    connection: Connection,
    selection: Selection,
    *,
    action: Literal["release", "discard"],
    actor: str,
    reason: str,
    limit: int,
) -> Requested:
    """Release or discard the oldest `limit` of the selection, each with its line in the audit.

    A record behind an earlier one of its aggregate that is not chosen stays as
    it is. Those that only wait for others are chosen by their reason alone.
    Raises ValueError for an empty reason.
    """
    _refuse_no_reason(reason)
    async with connection.transaction():
        matched = await count_parked(connection, selection)
        status = await connection.execute(
            _REQUEST_MANY, *selection.arguments, limit, action, actor, reason
        )
    return Requested(matched, int(status.rpartition(" ")[2]))


async def list_audit(
    connection: Connection, *, parked_id: int | None = None, after: int = 0, limit: int = 50
) -> list[Audited]:
    """Decisions in the order in which they were taken."""
    return [Audited(*row) for row in await connection.fetch(_AUDITED, after, parked_id, limit)]


async def show_parked(connection: Connection, parked_id: int) -> ParkedRecord:
    """One record with its bytes. Raises ParkedNotFound."""
    row = await connection.fetchrow("SELECT * FROM consumer_parked WHERE id = $1", parked_id)
    if row is None:
        raise _not_found(parked_id)
    record = stored_record(row)
    return ParkedRecord(
        parked=_parked(row), key=record.key, value=record.value, headers=record.headers
    )


async def release_parked(
    connection: Connection, parked_id: int, *, actor: str, reason: str = ""
) -> Parked:
    """Ask that the record be applied; if it is still broken it parks again.

    Releasing a `gap` applies it although what came before is missing, and gives
    up on what is missing. Raises ParkedNotFound, EarlierStillParked.
    """
    return await _request(connection, parked_id, action="release", actor=actor, reason=reason)


async def discard_parked(
    connection: Connection, parked_id: int, *, actor: str, reason: str
) -> Parked:
    """Ask that the record be dropped for good; its sequence then counts as seen.

    Raises ParkedNotFound, EarlierStillParked, ValueError for an empty reason.
    """
    _refuse_no_reason(reason)
    return await _request(connection, parked_id, action="discard", actor=actor, reason=reason)


async def _request(
    connection: Connection, parked_id: int, *, action: str, actor: str, reason: str
) -> Parked:
    async with connection.transaction():
        row = await connection.fetchrow(
            f"UPDATE consumer_parked SET requested = $2 WHERE id = $1 RETURNING {_COLUMNS}",  # noqa: S608
            parked_id,
            action,
        )
        if row is None:
            raise _not_found(parked_id)
        parked = _parked(row)
        if parked.sequence is not None:
            earlier = await connection.fetchval(
                _EARLIER, parked.consumer, parked.source, parked.subject, parked.sequence
            )
            if earlier is not None:
                raise EarlierStillParked(
                    f"record {earlier} of the same aggregate is parked before {parked_id}",
                    hint=f"release or discard {earlier} first",
                )
        await connection.execute(_AUDIT, parked_id, action, actor, reason)
    return parked


def _refuse_no_reason(reason: str) -> None:
    if not reason.strip():
        raise ValueError("a decision about parked records needs a reason; say why it is right")


def _not_found(parked_id: int) -> ParkedNotFound:
    return ParkedNotFound(
        f"no record is parked as {parked_id}", hint="it may have been released meanwhile: list them"
    )


def _parked(row: Any) -> Parked:
    fields = {name: row[name] for name in Parked.__struct_fields__ if name != "offset"}
    return Parked(offset=row["record_offset"], **fields)
