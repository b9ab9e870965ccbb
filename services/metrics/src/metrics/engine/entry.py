"""Entries: events as the engine takes them, and their canonical order.

Invariant: the order is a function of the set of entries. Within a stream (source
and subject) the sequence decides, and recording times are clamped so that they
never run against it; between streams the clamped recording time decides.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from events.types import EventData
from events.types.partner import EventVoided


class Entry(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One event of a fact. Times are microseconds since 1970."""

    id: str
    source: str
    subject: str
    sequence: int
    occurred: int
    recorded: int
    data: EventData

    @property
    def stream(self) -> str:
        return f"{self.source}\x1f{self.subject}"


Placed = tuple[int, Entry]
"""An entry with its clamped recording time."""


def in_order(entries: Iterable[Entry]) -> list[Placed]:
    """The distinct entries in canonical order, each with its clamped recording time.

    A place in a stream is taken once: of two events that claim it, the first stays.
    """
    streams: dict[str, dict[int, Entry]] = {}
    for entry in entries:
        streams.setdefault(entry.stream, {}).setdefault(entry.sequence, entry)
    placed: list[Placed] = []
    for stream in streams.values():
        clock = -(2**62)
        for sequence in sorted(stream):
            clock = max(clock, stream[sequence].recorded)
            placed.append((clock, stream[sequence]))
    placed.sort(key=lambda p: (p[0], p[1].source, p[1].subject, p[1].sequence))
    return placed


def without_voided(placed: Iterable[Placed]) -> list[Placed]:
    """Drop voids and what they void. A void that is voided itself has no effect.

    A void comes later in the stream of what it voids, so the last are looked at first.
    """
    known = list(placed)
    voids = [entry for _, entry in known if isinstance(entry.data, EventVoided)]
    voided: set[tuple[str, str]] = set()
    for void in sorted(voids, key=lambda entry: entry.sequence, reverse=True):
        if isinstance(void.data, EventVoided) and (void.source, void.id) not in voided:
            voided.add((void.source, void.data.event_id))
    return [
        p
        for p in known
        if not isinstance(p[1].data, EventVoided) and (p[1].source, p[1].id) not in voided
    ]
