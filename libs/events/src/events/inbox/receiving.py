"""Taking partners' events, each once: against the past, and against each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import chain
from secrets import token_hex
from typing import Any, Final

import msgspec

from events.consumer.received import Connection
from events.inbox.numbering import Known, Receipt, number
from events.inbox.statements import FILE, LOCK, LOOK, SUBJECTS
from events.outbox import shard_of
from events.partners.incoming import Incoming

_encode: Final = msgspec.json.Encoder().encode
_BETWEEN: Final = "\x1f" + token_hex(8)
"""Stands between joined texts. Nobody outside knows it, so no text can hold it but by chance."""
_ENVELOPE_BYTES: Final = 400
"""About what an event has on the log besides its data, for relays that read by bytes."""


async def receive(
    connection: Connection,
    events: Sequence[Incoming],
    *,
    received_at: datetime,
    zone: str = "UTC",
    presumed_new: bool = False,
) -> list[Receipt]:
    """Take events: inbox, sequence and outbox (topic `partner`).

    One receipt for each, in order. Outside of a transaction what is accepted is
    durable when this returns. It then raises UniqueViolationError,
    DeadlockDetectedError when another process took one of the ids or subjects at the
    same moment; nothing was taken, and the same again succeeds. In a transaction it
    waits for such others first, a round trip more. `zone` cuts the days that are counted.
    `presumed_new` leaves out the looking up (`Newcomers`): UniqueViolationError then also
    tells that an id or a subject was known.
    """
    if not events:
        return []
    if connection.is_in_transaction():
        sources = sorted({event.source for event in events})
        await connection.execute(LOCK, sources, received_at)
    subjects = await _subjects(connection, events)
    known = {} if presumed_new else await _known(connection, events, subjects)
    receipts, fresh = number(events, subjects, known, received_at=received_at)
    times = _times(events)
    filed = await connection.fetch(
        FILE,
        *_stretches(events, fresh),
        received_at,
        zone,
        *_counts(events, receipts, times),
        *_columns(events, receipts, times, fresh=fresh),
    )
    for source, filed_at in filed:
        if filed_at != received_at:  # another clock of ours is ahead; a feed's never runs backwards
            for index in fresh[source]:
                receipts[index] = msgspec.structs.replace(receipts[index], received_at=filed_at)
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


async def _known(
    connection: Connection, events: Sequence[Incoming], subjects: dict[int, str | None]
) -> dict[int, Known]:
    """By place: what the inbox has of an event or of its subject."""
    looked = await connection.fetch(LOOK, *_asked(events, subjects), _BETWEEN)
    return {row[0] - 1: Known(*row[1:]) for row in looked}


def _asked(events: Sequence[Incoming], subjects: dict[int, str | None]) -> list[str]:
    """The first parameters of `LOOK`."""
    about = [event.subject or "" for event in events]
    for index, subject in subjects.items():
        about[index] = subject or ""
    return [
        _BETWEEN.join([event.source for event in events]),
        _BETWEEN.join([event.id for event in events]),
        _BETWEEN.join(about),
    ]


def _stretches(events: Sequence[Incoming], fresh: dict[str, list[int]]) -> list[list[Any]]:
    """How much of each source is filed, in the order in which all writers lock them."""
    sources = sorted(fresh)
    return [
        sources,
        [len(fresh[source]) for source in sources],
        [
            sum(len(events[i].payload) + _ENVELOPE_BYTES for i in fresh[source])
            for source in sources
        ],
        [shard_of(source) for source in sources],
    ]


def _counts(
    events: Sequence[Incoming], receipts: Sequence[Receipt], times: Sequence[str]
) -> list[list[Any]]:
    """How many of a source and type were taken, or were there, by the minute of their time."""
    counted = Counter(
        (event.source, event.type, time[:16], receipt.verdict)  # zones begin days with a minute
        for event, time, receipt in zip(events, times, receipts, strict=True)
        if receipt.verdict in {"accepted", "duplicate"}
    )
    keys = list(counted)
    return [
        [source for source, _, _, _ in keys],
        [wire_type for _, wire_type, _, _ in keys],
        [f"{minute}Z" for _, _, minute, _ in keys],
        [verdict for _, _, _, verdict in keys],
        list(counted.values()),
    ]


def _columns(
    events: Sequence[Incoming],
    receipts: Sequence[Receipt],
    times: Sequence[str],
    *,
    fresh: dict[str, list[int]],
) -> list[str | None]:
    """The events to file, by source; a column that says nothing of its own is one NULL."""
    order = list(chain.from_iterable(fresh[source] for source in sorted(fresh)))
    filed = [events[index] for index in order]
    given = [receipts[index] for index in order]
    types = [event.type for event in filed]
    common_type = types[0] if len(set(types)) == 1 else None
    return [
        _places(fresh),
        _BETWEEN.join([event.id for event in filed]),
        None if common_type else _BETWEEN.join(types),
        _BETWEEN.join([receipt.subject or "" for receipt in given]),
        _sequences([receipt.sequence for receipt in given]),
        _BETWEEN.join([times[index] for index in order]),
        _BETWEEN.encode().join([event.payload for event in filed]).decode(),
        _whole(receipt.replaces for receipt in given),
        _whole(event.voids for event in filed),
        _whole(event.traceparent for event in filed),
        _whole(_encode(event.extensions).decode() if event.extensions else None for event in filed),
        _BETWEEN,
        common_type,
    ]


def _places(fresh: dict[str, list[int]]) -> str | None:
    """Of which source each is, by its number."""
    if len(fresh) == 1:
        return None
    numbered = enumerate(sorted(fresh), start=1)
    return _BETWEEN.join([str(k) for k, source in numbered for _ in fresh[source]])


def _sequences(sequences: Sequence[int | None]) -> str | None:
    return None if set(sequences) == {1} else _BETWEEN.join(map(str, sequences))


def _times(events: Sequence[Incoming]) -> list[str]:
    """Each as RFC 3339 in UTC; encoding all at once costs a tenth of one by one."""
    return _encode([event.time for event in events]).decode()[2:-2].split('","')


def _whole(column: Iterable[str | None]) -> str | None:
    texts = [text or "" for text in column]
    return _BETWEEN.join(texts) if any(texts) else None
