"""What told facts have been told, decoded only where some of it can pass filters.

Marks know the members of a fact, not which of them stand together. So most buyers that are found
by two dimensions have no sale of both; and of what a buyer was told in his life two thirds were
taken back since. All this stays packed.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable
from typing import Any, Final

import msgspec

from events import Connection
from metrics.engine.told import Record, ToldKind, last_told
from metrics.facts import TOLD_KINDS
from metrics.store import facts
from metrics.store.marks import Filters


class _State(msgspec.Struct, frozen=True, array_like=True, gc=False):
    entries: list[tuple[int, str, msgspec.Raw, int]]


class _Fact(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """As far as it is read."""

    state: _State


_unpack: Final = msgspec.msgpack.Decoder(_Fact).decode
_decoders: Final = {
    name: msgspec.msgpack.Decoder(kind.record).decode for name, kind in TOLD_KINDS.items()
}


async def records(
    connection: Connection,
    generation: int,
    *,
    kind: ToldKind,
    filters: Filters,
    until: int | None = None,
) -> AsyncIterator[list[Record]]:
    """What facts of a kind have been told and not taken back, now or by a second, by slot: of those
    facts that can say something that passes filters. Needs a transaction.
    """
    telling = Telling(kind, filters)
    bodies = facts.bodies(connection, generation, kind=kind.name, filters=filters)
    async for body in bodies:
        if found := telling.records(body, until=until):
            yield found


class Telling:
    """Finds the facts that can say something that passes filters."""

    def __init__(self, kind: ToldKind, filters: Filters) -> None:
        self._decode = _decoders[kind.name]
        packed = [map(msgspec.msgpack.encode, members) for members in filters.values()]
        self._patterns = [re.compile(b"|".join(map(re.escape, members))) for members in packed]

    def records(self, body: bytes, *, until: int | None = None) -> list[Record]:
        """What a kept fact was told; nothing where none of it can pass."""
        entries = _unpack(body).state.entries
        if until is not None:
            entries = [entry for entry in entries if entry[0] <= until]
        told = last_told(entries)
        if not self._can_pass(told.values()):
            return []
        return [Record(slot, self._decode(told[slot])) for slot in sorted(told)]

    def _can_pass(self, packed: Iterable[Any]) -> bool:
        """Whether a record holds a member of each dimension: wherever it does, so that it may be
        one too many, never one too few.
        """
        for pattern in self._patterns:
            packed = filter(pattern.search, packed)
        return next(iter(packed), None) is not None
