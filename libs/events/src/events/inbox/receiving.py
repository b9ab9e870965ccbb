"""Taking partners' events, each once: against the past, and against each other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from secrets import token_hex
from typing import Final, Literal

import msgspec

from events.consumer.received import Connection
from events.inbox.statements import ACCEPT, LOCK, SUBJECTS
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


_encode: Final = msgspec.json.Encoder().encode
_UNKNOWN: Final = Receipt("unknown_event")
_BETWEEN: Final = "\x1f" + token_hex(8)
"""Stands between joined texts. Nobody outside knows it, so no text can hold it but by chance."""


async def receive(
    connection: Connection, events: Sequence[Incoming], *, received_at: datetime, zone: str = "UTC"
) -> list[Receipt]:
    """Take events: inbox, sequence and outbox (topic `partner`), in one statement.

    One receipt for each, in order. Outside of a transaction the statement is its
    own: what is accepted is durable when this returns. It then raises
    UniqueViolationError, DeadlockDetectedError when another process took one of the
    ids or subjects at the same moment; nothing was taken, and the same again
    succeeds. In a transaction it waits for such others first, a round trip more.
    `zone` cuts the days that are counted.
    """
    if connection.is_in_transaction():
        await connection.execute(LOCK, list({event.source for event in events}), received_at)
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
            columns = _columns(
                [(events[i], subjects.get(i, events[i].subject) or "") for i in indexes]
            )
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


def _columns(events: Sequence[tuple[Incoming, str]]) -> list[str | None]:
    """The first parameters of `ACCEPT`; a column without any value is one NULL."""
    return [
        _BETWEEN.join([event.source for event, _ in events]),
        _BETWEEN.join([event.id for event, _ in events]),
        _BETWEEN.join([event.type for event, _ in events]),
        _BETWEEN.join([subject for _, subject in events]),
        _encode([event.time for event, _ in events]).decode()[2:-2].replace('","', _BETWEEN),
        _BETWEEN.join([event.digest.hex() for event, _ in events]),
        _BETWEEN.encode().join([event.payload for event, _ in events]).decode(),
        _whole(event.voids for event, _ in events),
        _whole(event.traceparent for event, _ in events),
        _whole(
            _encode(event.extensions).decode() if event.extensions else None for event, _ in events
        ),
        _BETWEEN.join([str(shard_of(subject)) for _, subject in events]),
        _BETWEEN,
    ]


def _whole(column: Iterable[str | None]) -> str | None:
    texts = [text or "" for text in column]
    return _BETWEEN.join(texts) if any(texts) else None
