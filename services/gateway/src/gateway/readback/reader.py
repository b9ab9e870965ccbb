"""Who reads, what of it may be seen, and where a reader goes on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from chassis.auth.actor import Actor
from chassis.cursors import CursorRefused, CursorSeal
from chassis.errors import Forbidden, Invalid
from events import Connection
from events.inbox import feed

_SCOPE: Final = "/v1/events"
_SEES_ENVELOPES: Final = "parked:read"
_SOURCES_MOST: Final = 50


class SourceNotReadable(Forbidden):
    """The source is another partner's, or nobody's."""

    title = "the source is not yours"


class PositionOfNoSource(Invalid):
    """Each source counts its own events, so a position alone names none."""

    title = "the position is of no one source"


@dataclass(frozen=True, slots=True)
class Reader:
    """A partner reads all of its own sources; an operator the envelopes of everybody's."""

    sources: tuple[str, ...]
    own: frozenset[str]

    def sees_data(self, source: str) -> bool:
        return source in self.own


async def reader_of(connection: Connection, actor: Actor, source: str | None) -> Reader:
    """Raises SourceNotReadable, in the same words whether the source exists or not."""
    readable = set(actor.sources)
    if actor.may(_SEES_ENVELOPES):
        readable.update(await feed.known_sources(connection))
    if source is not None:
        if source not in readable:
            raise SourceNotReadable(
                "this source is not among those that you may read",
                field="query.source",
                hint="leave it out to read all that are yours",
            )
        readable = {source}
    return Reader(tuple(sorted(readable)), frozenset(actor.sources))


async def begin(
    connection: Connection,
    reader: Reader,
    *,
    cursor: str | None,
    position_from: int | None,
    received_from: datetime | None,
    seal: CursorSeal,
) -> feed.Places:
    """Where each source is read on: after the cursor, and not before the position and the time.

    Raises CursorRefused, PositionOfNoSource.
    """
    known: feed.Places = {}
    if cursor is not None:
        try:
            known = msgspec.json.decode(seal.unseal(cursor, scope=_SCOPE), type=feed.Places)
        except msgspec.MsgspecError:
            raise CursorRefused from None
    first = feed.BEGINNING
    if received_from is not None:
        first = (received_from.astimezone(UTC) - timedelta(microseconds=1), 2**62)
    if position_from is not None:
        if len(reader.sources) != 1:
            raise PositionOfNoSource(
                "every source counts its own positions",
                field="query.position_from",
                hint="say of which source: &source=",
            )
        first = max(first, await feed.place_before(connection, reader.sources[0], position_from))
    return {source: max(known.get(source, first), first) for source in reader.sources}


def cursor_of(places: feed.Places, seal: CursorSeal) -> str:
    """The opaque text of a place, good for pages and streams alike."""
    reached = {source: at for source, at in places.items() if at != feed.BEGINNING}
    return seal.seal(reached, scope=_SCOPE)
