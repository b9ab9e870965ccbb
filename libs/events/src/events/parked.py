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
from typing import Any, Final

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

_LIST: Final = f"""
SELECT {_COLUMNS} FROM consumer_parked
WHERE id > $1 AND ($2::text IS NULL OR consumer = $2) AND ($3::text IS NULL OR topic = $3)
  AND ($4::text IS NULL OR reason = $4) AND ($5::text IS NULL OR subject = $5)
ORDER BY id LIMIT $6"""  # noqa: S608 - constants only

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


async def list_parked(
    connection: Connection,
    *,
    consumer: str | None = None,
    topic: str | None = None,
    reason: str | None = None,
    subject: str | None = None,
    after: int = 0,
    limit: int = 50,
) -> list[Parked]:
    """Parked records by id; the next page is `after` the last id of this one."""
    rows = await connection.fetch(_LIST, after, consumer, topic, reason, subject, limit)
    return [_parked(row) for row in rows]


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
    if not reason.strip():
        raise ValueError("a discarded record needs a reason; say why nobody will miss it")
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


def _not_found(parked_id: int) -> ParkedNotFound:
    return ParkedNotFound(
        f"no record is parked as {parked_id}", hint="it may have been released meanwhile: list them"
    )


def _parked(row: Any) -> Parked:
    fields = {name: row[name] for name in Parked.__struct_fields__ if name != "offset"}
    return Parked(offset=row["record_offset"], **fields)
