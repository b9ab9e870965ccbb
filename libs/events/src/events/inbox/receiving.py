"""Taking partners' events, each once: against the past, and against each other."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from events.consumer.received import Connection
from events.inbox.statements import ACCEPT, SUBJECTS
from events.outbox import shard_of
from events.partners.incoming import Incoming

Verdict = Literal["accepted", "duplicate", "conflict", "unknown_event"]


class Receipt(msgspec.Struct, frozen=True, gc=False):
    """What became of one incoming event; the rest is that of the first copy.

    `unknown_event`: it voids an event that this source never sent.
    """

    verdict: Verdict
    subject: str | None = None
    sequence: int | None = None
    replaces: str | None = None
    """The id of the event before it about the same subject."""
    received_at: datetime | None = None


_UNKNOWN: Final = Receipt("unknown_event")


async def receive(
    connection: Connection, events: Sequence[Incoming], *, received_at: datetime, zone: str = "UTC"
) -> list[Receipt]:
    """Take events: inbox, sequence and outbox (topic `partner`), in one statement.

    One receipt for each, in order. Outside of a transaction the statement is its
    own: what is accepted is durable when this returns. `zone` cuts the days that
    are counted. Raises UniqueViolationError, DeadlockDetectedError when another
    process took one of the ids at the same moment; then nothing was taken, and
    the same again succeeds.
    """
    subjects = await _subjects(connection, events)
    receipts = [_UNKNOWN] * len(events)
    once: dict[tuple[str, str], int] = {}
    again: list[int] = []
    for index, event in enumerate(events):
        if subjects.get(index, event.subject) is not None and (
            once.setdefault((event.source, event.id), index) != index
        ):
            again.append(index)
    # What repeats an id of the same batch finds it filed when its turn comes.
    for indexes in (list(once.values()), again):
        if indexes:
            rows = [_row(events[i], subjects.get(i, events[i].subject)) for i in indexes]
            # A column without a value is sent as one NULL; checking its items would cost more.
            columns = [_whole(column) for column in zip(*rows, strict=True)]
            for n, *rest in await connection.fetch(ACCEPT, *columns, received_at, zone):
                receipts[indexes[n - 1]] = Receipt(*rest)
    return receipts


async def _subjects(connection: Connection, events: Sequence[Incoming]) -> dict[int, str | None]:
    """By place: the subject of each event that voids another, None when there is no such event."""
    voiding = {index: event for index, event in enumerate(events) if event.voids is not None}
    if not voiding:
        return {}
    wanted = [(event.source, event.voids) for event in voiding.values()]
    found: dict[tuple[str, str | None], str | None] = {
        (source, event_id): subject
        for source, event_id, subject in await connection.fetch(
            SUBJECTS, [source for source, _ in wanted], [event_id for _, event_id in wanted]
        )
    }
    subjects: dict[int, str | None] = {}
    for index, event in enumerate(events):
        if index in voiding:
            subjects[index] = found.get((event.source, event.voids))
        found.setdefault((event.source, event.id), subjects.get(index, event.subject))
    return subjects


def _whole(column: tuple[Any, ...]) -> list[Any] | None:
    return None if column[0] is None and not any(column) else list(column)


def _row(event: Incoming, subject: str | None) -> tuple[Any, ...]:
    assert subject is not None
    return (
        event.source,
        event.id,
        event.type,
        subject,
        event.time,
        event.digest,
        event.payload.decode(),
        event.voids,
        event.traceparent,
        msgspec.json.encode(event.extensions).decode() if event.extensions else None,
        shard_of(subject),
    )
