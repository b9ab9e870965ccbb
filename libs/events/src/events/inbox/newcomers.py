"""Whose events need not be looked up: senders that so far sent nothing twice.

Most sources send each event once, each about something new; looking every one up to find
nothing is a quarter of what a batch costs PostgreSQL. So their events are presumed new, and
the inbox's unique indexes tell when one is not: then nothing of the batch was taken, it is
looked up, and the source is not presumed upon for a while.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

from events.inbox.numbering import Receipt
from events.partners.incoming import Incoming

_SECONDS: Final = 600.0
"""A presumption that was wrong costs a batch twice: at most once in so long for each source."""


class Newcomers:
    """What one process remembers of its sources. Being wrong costs time, never an answer."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._looked_up_until: dict[str, float] = {}

    def presumes(self, events: Sequence[Incoming]) -> bool:
        """That all ids and subjects are new. A voiding is about something that is known."""
        if any(event.voids is not None for event in events):
            return False
        now = self._monotonic()
        sources = {event.source for event in events}
        return all(self._looked_up_until.get(source, now) <= now for source in sources)

    def learn(self, events: Sequence[Incoming], receipts: Sequence[Receipt]) -> None:
        """From events that were looked up: whose were, or were about, something known."""
        until = self._monotonic() + _SECONDS
        for event, receipt in zip(events, receipts, strict=True):
            if receipt.verdict != "accepted" or receipt.sequence != 1:
                self._looked_up_until[event.source] = until
