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

import msgspec

from events.consumer.received import Connection
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
    raise NotImplementedError


async def show_parked(connection: Connection, parked_id: int) -> ParkedRecord:
    """One record with its bytes. Raises ParkedNotFound."""
    raise NotImplementedError


async def release_parked(
    connection: Connection, parked_id: int, *, actor: str, reason: str = ""
) -> Parked:
    """Ask that the record be applied; if it is still broken it parks again.

    Releasing a `gap` applies it although what came before is missing, and gives
    up on what is missing. Raises ParkedNotFound, EarlierStillParked.
    """
    raise NotImplementedError


async def discard_parked(
    connection: Connection, parked_id: int, *, actor: str, reason: str
) -> Parked:
    """Ask that the record be dropped for good; its sequence then counts as seen.

    Raises ParkedNotFound, EarlierStillParked, ValueError for an empty reason.
    """
    raise NotImplementedError
