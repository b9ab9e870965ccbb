"""Folded facts, kept so that the next event need not fold all the earlier ones again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from types import MappingProxyType
from typing import Any, Final

import msgspec

from events import Connection
from metrics.engine.entry import Entry
from metrics.engine.fact import Fact, FactKind, Ref
from metrics.engine.told import ToldKind
from metrics.facts import ALL_KINDS, TOLD_KINDS
from metrics.folding import Advanced, Kept
from metrics.store import journal
from metrics.store.marks import Filters, carrying, marks_of

_SELECT: Final = """
SELECT kind, key, version, body FROM facts
JOIN unnest($2::text[], $3::text[]) AS f (kind, key) USING (kind, key)
WHERE generation = $1"""

_COUNT: Final = """
SELECT count(*) FROM (
    SELECT FROM facts
    WHERE generation = $1 AND kind = ANY($2) AND first_on < $4 AND last_on >= $3 {} LIMIT $5
) AS found"""

_HISTORIES_PER_PAGE: Final = 500
"""Their events are in memory together."""
_STATES_PER_PAGE: Final = 2_000

Row = tuple[Any, ...]
"""kind, key, version, first day, last day, problems and marks (comma-separated), body"""


def _decoder(kind: FactKind[Any] | ToldKind) -> msgspec.msgpack.Decoder[Any]:
    """A decoder of kept facts whose state is of the kind's own type."""
    fields = [
        *(("state", type(kind.empty)), ("heads", dict[str, int]), ("clock", int)),
        ("places", list[int]),
    ]
    return msgspec.msgpack.Decoder(
        msgspec.defstruct(f"{kind.name}_fact", fields, array_like=True, frozen=True)
    )


_decoders: Final = {name: _decoder(kind).decode for name, kind in ALL_KINDS.items()}
_encode: Final = msgspec.msgpack.Encoder().encode


def encode_fact(fact: Fact, places: Sequence[int] = ()) -> bytes:
    return _encode((fact.state, fact.heads, fact.clock, places))


def decode_fact(kind: str, body: bytes) -> Fact:
    """A kept fact, its state of the kind's own type."""
    found = _decoders[kind](body)
    return Fact(found.state, found.heads, found.clock)


async def read(connection: Connection, generation: int, refs: Sequence[Ref]) -> dict[Ref, Kept]:
    """The facts that are kept already."""
    kinds, keys = [ref.kind for ref in refs], [ref.key for ref in refs]
    kept = {}
    for kind, key, version, body in await connection.fetch(_SELECT, generation, kinds, keys):
        found = _decoders[kind](body)
        fact = Fact(found.state, found.heads, found.clock)
        kept[Ref(kind, key)] = Kept(fact, version, found.places)
    return kept


def row_of(one: Advanced, added: Sequence[int]) -> Row:
    """The fact as it is to be written, with the places of the events just added."""
    ref, done = one.ref, one.advance
    days = [moment.day for moment in done.said.moments] if done.days is None else done.days
    told = TOLD_KINDS.get(ref.kind)
    cuts = (m.cut for m in done.said.moments) if told is None else told.cuts_of(done.fact.state)
    return (
        ref.kind,
        ref.key,
        one.version + 1,
        min(days, default=None),
        max(days, default=None),
        ",".join(ALL_KINDS[ref.kind].problems(done.fact.state)) or None,
        ",".join(map(str, sorted(marks_of(ref.kind, cuts)))),
        encode_fact(done.fact, [*one.places, *added]),
    )


async def changed_since(
    connection: Connection, generation: int, *, kind: str, since: int, after: str
) -> AsyncIterator[Sequence[tuple[Ref, Fact, list[Entry] | None]]]:
    """All facts of a kind after one, by key, in pages: each as it is kept, and with its events
    if one of them became known at an instant or later. The others were then what they are.
    """
    cursor = await connection.cursor(
        "SELECT key, body FROM facts WHERE generation = $1 AND kind = $2 AND key > $3 ORDER BY key",
        *(generation, kind, after),
    )
    while rows := await cursor.fetch(_HISTORIES_PER_PAGE):
        kept = {Ref(kind, key): _decoders[kind](body) for key, body in rows}
        places = {ref: one.places for ref, one in kept.items() if one.clock >= since}
        histories = await journal.read(connection, places)
        yield [
            (ref, Fact(one.state, one.heads, one.clock), histories.get(ref))
            for ref, one in kept.items()
        ]


async def with_problems(
    connection: Connection, generation: int, *, after: Ref, limit: int
) -> tuple[int, list[Any]]:
    """How many facts something is wrong with, and some of them by kind and key."""
    where = "generation = $1 AND problems <> '{}'"
    total = await connection.fetchval(f"SELECT count(*) FROM facts WHERE {where}", generation)  # noqa: S608
    rows = await connection.fetch(
        f"SELECT kind, key, problems FROM facts WHERE {where} AND (kind, key) > ($2, $3)"  # noqa: S608
        " ORDER BY kind, key LIMIT $4",
        generation,
        after.kind,
        after.key,
        limit,
    )
    return total, rows


async def states(
    connection: Connection,
    generation: int,
    *,
    kind: str,
    filters: Filters = MappingProxyType({}),
) -> AsyncIterator[Any]:
    """The states of all facts of a kind that can say something that passes filters, in no order.

    Needs a transaction.
    """
    async for body in bodies(connection, generation, kind=kind, filters=filters):
        yield _decoders[kind](body).state


async def bodies(
    connection: Connection, generation: int, *, kind: str, filters: Filters
) -> AsyncIterator[bytes]:
    """The same facts as they are kept."""
    condition, marks = carrying(filters, [kind], first=3)
    rows = connection.cursor(
        f"SELECT body FROM facts WHERE generation = $1 AND kind = $2{condition}",  # noqa: S608
        generation,
        kind,
        *marks,
        prefetch=_STATES_PER_PAGE,
    )
    async for (body,) in rows:
        yield body


async def count_of(
    connection: Connection,
    generation: int,
    *,
    kinds: Sequence[str],
    days: tuple[int, int] | None,
    filters: Filters,
    most: int,
) -> int:
    """How many facts of some kinds there are, counted up to `most`: those that say something of
    days from one until before another, or all; and that can say something that passes filters.
    """
    since, until = (-(2**31), 2**31 - 1) if days is None else days
    condition, marks = carrying(filters, kinds, first=6)
    found = await connection.fetchval(
        _COUNT.format(condition), generation, list(kinds), since, until, most, *marks
    )
    return int(found)
