"""A record on its way through the consumer, with all that is known about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

import msgspec

from events.consumer.received import Received
from events.errors import DataError
from events.event import Event, SchemaViolation, UnknownData
from events.log import Record, TopicPartition

Key: TypeAlias = tuple[str, str]
"""Source and subject: whose sequence it is."""

Read: TypeAlias = Callable[[Record], Event]
"""Raises a DataError; see `events.cloudevents.EventReader.read`."""

GAP: Final = "gap"
HELD: Final = "held"


class ParkedRow(msgspec.Struct, frozen=True, gc=False):
    """What the store knows about a record that is parked already."""

    id: int
    reason: str
    requested: str | None
    attempts: int


class Entry(msgspec.Struct, eq=False, gc=False):
    """A record on its way: from the log, or parked earlier (`parked`).

    `error` says why it cannot be applied; a record without `event` has no key, one
    without `received` is of a type that nobody here reads.
    The error must be `settled`: entries are not seen by the garbage collector.
    """

    where: TopicPartition
    record: Record
    event: Event | None = None
    received: Received | None = None
    error: DataError | None = None
    parked: ParkedRow | None = None

    @property
    def rejected(self) -> bool:
        """Whether it waits for a person, as opposed to another event."""
        if self.parked is None:
            return self.error is not None
        return self.parked.reason not in {GAP, HELD} or self.error is not None

    @property
    def stands(self) -> bool:
        """Whether it blocks its aggregate now: rejected, and nobody asked for another try."""
        if self.parked is None or self.parked.requested is None:
            return self.rejected
        return self.parked.requested == "release" and self.error is not None


def settled(error: DataError) -> DataError:
    """The error without the frames that led to it, which would keep the whole batch alive."""
    error.__traceback__ = error.__context__ = error.__cause__ = None
    return error


def read_entry(where: TopicPartition, record: Record, read: Read) -> Entry:
    """Decode a record; what is wrong with it stands in the entry, not in an exception."""
    try:
        event = read(record)
    except SchemaViolation as error:
        return Entry(where, record, event=error.event, error=settled(error))
    except DataError as error:
        return Entry(where, record, error=settled(error))
    if type(event.data) is UnknownData:
        return Entry(where, record, event=event)
    return Entry(where, record, event, Received(event, where[0], where[1], record.offset))
