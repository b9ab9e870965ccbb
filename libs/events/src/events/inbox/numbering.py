"""Numbering a batch: which of its events are new, and the place of each about its subject.

Pure functions of the batch and of what the inbox says of it. Invariant: an id
stands for the content that came first under it, in the inbox or in the batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Final, Literal

import msgspec

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


class Known(msgspec.Struct, frozen=True, gc=False):
    """A row of `LOOK`: the event taken under an id, if any, and the last about the subject."""

    subject: str | None
    sequence: int | None
    replaces: str | None
    received_at: datetime | None
    digest: bytes | None
    """Of events that were filed before their contents told what they are."""
    type: str | None
    time: datetime | None
    content_hash: bytes | None
    head_sequence: int | None
    head_event_id: str | None

    def is_same(self, event: Incoming) -> bool:
        if self.digest is not None:
            return self.digest == event.digest
        told = (self.type, self.time, self.content_hash)
        return told == (event.type, event.time, sha256(event.payload).digest())


_UNKNOWN: Final = Receipt("unknown_event")
_NO_HEAD: Final = (0, None)


def number(
    events: Sequence[Incoming],
    subjects: Mapping[int, str | None],
    known: Mapping[int, Known],
    *,
    received_at: datetime,
) -> tuple[list[Receipt], dict[str, list[int]]]:
    """A receipt for each event, and by source the places in the batch of those to be filed.

    `subjects` (of events that void others) and `known` are by place, too.
    """
    receipts: list[Receipt] = []
    fresh: dict[str, list[int]] = {}
    firsts: dict[tuple[str, str], int] = {}
    heads: dict[tuple[str, str], tuple[int, str | None]] = {}
    for index, event in enumerate(events):
        source, subject, row = event.source, event.subject, known.get(index)
        if subject is None and (subject := subjects.get(index)) is None:
            receipts.append(_UNKNOWN)
        elif row is not None and row.subject is not None:
            verdict: Verdict = "duplicate" if row.is_same(event) else "conflict"
            taken = (row.subject, row.sequence, row.replaces, row.received_at)
            receipts.append(Receipt(verdict, *taken))
        elif (first := firsts.setdefault((source, event.id), index)) != index:
            same = _content(event) == _content(events[first])
            verdict = "duplicate" if same else "conflict"
            receipts.append(msgspec.structs.replace(receipts[first], verdict=verdict))
        else:
            head = heads.get((source, subject)) or _head(row)
            heads[source, subject] = (head[0] + 1, event.id)
            receipts.append(Receipt("accepted", subject, head[0] + 1, head[1], received_at))
            fresh.setdefault(source, []).append(index)
    return receipts, fresh


def _head(row: Known | None) -> tuple[int, str | None]:
    """The sequence and id of the last event about a subject."""
    if row is None or row.head_sequence is None:
        return _NO_HEAD
    return row.head_sequence, row.head_event_id


def _content(event: Incoming) -> tuple[str, datetime, bytes]:
    return event.type, event.time, event.payload
