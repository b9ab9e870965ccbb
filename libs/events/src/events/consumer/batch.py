"""What is applied at once: entries of the log, and parked ones that somebody asked about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from events.consumer.entry import Entry, Key, ParkedRow
from events.consumer.plan import Head
from events.log import Record, TopicPartition


class Stretch(msgspec.Struct, eq=False):
    """What a batch holds of one partition, for those who need no more of it."""

    records: int
    last: Record
    oldest: datetime | None
    """When the first event was recorded: an approximation that costs nothing."""
    newest: datetime | None
    """When the last one was; None if it cannot be read."""


def oldest_seconds(stretches: Mapping[TopicPartition, Stretch], now: datetime) -> float:
    """Age of the oldest event, looking only at the first of each partition; 0 without any."""
    recorded = [stretch.oldest for stretch in stretches.values() if stretch.oldest is not None]
    return max(0.0, (now - min(recorded)).total_seconds()) if recorded else 0.0


class Batch(msgspec.Struct, eq=False):
    """Lives until it is committed, whatever many attempts that takes.

    What was loaded for it is kept from one attempt to the next: entries remember
    what a handler found wrong with them.
    """

    entries: dict[TopicPartition, list[Entry]] = {}
    requested: Sequence[Entry] = ()
    careful: bool = False
    """Whether the short way was tried, and failed."""
    is_sample: bool = False
    """Whether the rows are counted that it writes: two more questions, so not for every batch."""
    heads: dict[Key, Head] | None = None
    waiting: dict[Key, list[Entry]] | None = None
    unkeyed: list[Entry] = []
    """Requested records that had no readable key when they were parked."""
    now_readable: list[ParkedRow] = []
    """Rows of those that have one now: they are taken as if they came just now."""

    def ordered(self) -> list[Entry]:
        """All entries in the order in which they count."""
        return [*self.unkeyed, *(entry for ours in self.entries.values() for entry in ours)]

    @property
    def stretches(self) -> dict[TopicPartition, Stretch]:
        return {where: _stretch(ours) for where, ours in self.entries.items()}

    def requested_keys(self) -> dict[Key, None]:
        return {
            (entry.event.source, entry.event.subject): None
            for entry in self.requested
            if entry.event is not None
        }

    def set_apart(self, found: Mapping[Key, Sequence[Entry]]) -> None:
        """Tell which requested records are not among those that were found by their key."""
        known = {entry.parked.id for queue in found.values() for entry in queue if entry.parked}
        for entry in self.requested:
            parked = entry.parked
            if parked is None or parked.id in known:
                continue
            self.unkeyed.append(entry)
            if entry.event is not None and parked.requested == "release":
                self.now_readable.append(parked)
                entry.parked = None


def _stretch(entries: Sequence[Entry]) -> Stretch:
    first, last = entries[0].event, entries[-1].event
    return Stretch(
        records=len(entries),
        last=entries[-1].record,
        oldest=None if first is None else first.recordedtime,
        newest=None if last is None else last.recordedtime,
    )
