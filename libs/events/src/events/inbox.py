"""The inbox: a partner's event is taken once, whatever the partner repeats.

Invariant: (source, id) names one content for ever. The same again is a
duplicate, another content under the same id is a conflict that is shown and
never taken. Accepted events get the next sequence of their (source, subject),
so that consumers treat them like our own.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec

from events.consumer.received import Connection
from events.types import EventData

Verdict = Literal["accepted", "duplicate", "conflict", "unknown_event"]


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


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one incoming event; the rest is that of the first copy.

    `unknown_event`: it voids an event that this source never sent.
    """

    verdict: Verdict
    subject: str | None = None
    sequence: int | None = None
    received_at: datetime | None = None


async def receive(
    connection: Connection, events: Sequence[Incoming], *, received_at: datetime
) -> list[Receipt]:
    """Take events in the caller's transaction: inbox, sequence and outbox (topic `partner`).

    One receipt for each, in order. Set-based: a batch costs a few statements.
    """
    raise NotImplementedError
