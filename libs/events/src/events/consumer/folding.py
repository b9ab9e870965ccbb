"""Handlers whose events only add to something: they are folded as they are read.

What a batch comes to is then all that is kept of it, so an event costs its decoding and adding
up and little else. It is right as long as nothing stands out: every record can be read, none waits
behind a parked one, the fold refuses nothing. Whatever does stand out is left to the consumer's
usual way, record by record, for which this is an ordinary handler.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final, Protocol, TypeAlias

import asyncpg
import msgspec

from events.consumer.batch import Stretch
from events.consumer.entry import Key
from events.consumer.received import Connection, Handler, Received, Unprocessable
from events.errors import DataError
from events.event import EventLike
from events.log import Record, TopicPartition

ReadAll: TypeAlias = Callable[[Sequence[Record]], tuple[Sequence[EventLike], Sequence[EventLike]]]
"""All events, and those of a type that somebody reads; see `EventReader.read_all`."""


class Fold(Protocol):
    """What some events come to. It lives for one batch, and for nothing if that is undone."""

    def add(self, events: Sequence[EventLike]) -> None:
        """Take in what comes next. Keep what you need of the events, not the events.

        Raises Unprocessable to refuse one of them.
        """

    async def save(self, connection: Connection) -> None:
        """Write it, in the transaction that moves the positions; never commits."""


class Folding:
    """A handler made of folds: `Consumer(…, handler=Folding(Sums), versions="handler")`.

    A consumer that checks versions itself cannot fold before it knows them, and takes the
    usual way with it.
    """

    def __init__(self, make: Callable[[], Fold]) -> None:
        self.make: Final = make

    async def __call__(self, connection: Connection, received: Sequence[Received]) -> None:
        fold = self.make()
        fold.add([item.event for item in received])
        await fold.save(connection)


class StandsOut(Exception):
    """Something stands out before these offsets: the usual way is to be taken up to there."""

    def __init__(self, until: Mapping[TopicPartition, int]) -> None:
        super().__init__(until)
        self.until = until


class Keys(Protocol):
    """What is known of the keys of which something is parked."""

    @property
    def held(self) -> Collection[Key]: ...

    @property
    def times_held(self) -> int:
        """How often until now one has come to be held."""


class Folded(msgspec.Struct, eq=False):
    """A batch of which only the sum is kept. It is void when a key comes to be held meanwhile."""

    fold: Fold
    read_all: ReadAll
    keys: Keys
    times_held: int = 0
    stretches: dict[TopicPartition, Stretch] = {}
    applied: int = 0
    is_sample: bool = False

    def add(self, where: TopicPartition, records: Sequence[Record]) -> bool:
        """Take in what comes next of a partition. False: something stands out, nothing is taken.

        Raises StandsOut when the fold itself refuses: then all of it is void.
        """
        if not self.stretches:
            self.times_held = self.keys.times_held
        try:
            events, known = self.read_all(records)
        except DataError:
            return False
        held = self.keys.held
        if held and any((event.source, event.subject) in held for event in events):
            return False
        try:
            self.fold.add(known)
        except Exception as error:  # who it is about, if anybody, is found out in the usual way
            raise StandsOut(self.until() | {where: records[-1].offset + 1}) from error
        self.applied += len(known)
        before = self.stretches.get(where)
        self.stretches[where] = Stretch(
            records=len(records) + (before.records if before else 0),
            last=records[-1],
            oldest=before.oldest if before else events[0].recordedtime,
            newest=events[-1].recordedtime,
        )
        return True

    @property
    def unknown(self) -> int:
        return sum(stretch.records for stretch in self.stretches.values()) - self.applied

    def until(self) -> dict[TopicPartition, int]:
        return {where: stretch.last.offset + 1 for where, stretch in self.stretches.items()}

    async def save(self, connection: Connection) -> None:
        """Raises StandsOut when it is void, or refused."""
        if self.times_held != self.keys.times_held:
            raise StandsOut(self.until())
        try:
            if self.applied:
                await self.fold.save(connection)
        except (Unprocessable, asyncpg.DataError) as error:
            raise StandsOut(self.until()) from error


def folds(handler: Handler, *, read_all: ReadAll, keys: Keys) -> Callable[[], Folded] | None:
    """What begins a batch, if the handler is one that can be given its events as they are read."""
    if not isinstance(handler, Folding):
        return None
    make = handler.make
    return lambda: Folded(make(), read_all, keys)
