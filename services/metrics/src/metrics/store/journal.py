"""The journal: every applied event, under each fact that it belongs to, in packed blocks.

It is what explanations name, what late events are folded with, and what new
definitions are computed from. A fact knows the places of its events: a place is
the number of a block and the event's number in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from events import Connection
from metrics.engine.entry import Entry
from metrics.engine.fact import Ref
from metrics.store.packing import Placed, pack_events, unpack_events

EVENTS_PER_BLOCK: Final = 64
"""Larger ones pack better; smaller ones are quicker to look one event up in."""

_AFTER: Final = """
SELECT id, body FROM journal WHERE id > $1 AND id <= $2 ORDER BY id LIMIT $3"""
_COUNT: Final = "SELECT count(*) FROM journal WHERE id > $1 AND id <= $2"

_PLACES: Final = 2**24
"""Room for the numbers of a block's events: a partner's void can belong to very many facts."""

_READ: Final = "SELECT id, body FROM journal WHERE id = ANY($1)"

_STREAMS: Final = """
SELECT source, subject, kind, key FROM partner_streams
JOIN unnest($1::text[], $2::text[]) AS s (source, subject) USING (source, subject)"""

Block = tuple[int, bytes]


def blocks_for(events: int) -> int:
    """How many blocks so many events need."""
    return -(-events // EVENTS_PER_BLOCK)


def pack(events: Sequence[Placed], ids: Sequence[int]) -> tuple[list[Block], dict[Ref, list[int]]]:
    """Blocks with the ids given, and the places of each fact's events."""
    places: dict[Ref, list[int]] = {}
    blocks = []
    size = -(-len(events) // len(ids)) if ids else 0
    for block_id, start in zip(ids, range(0, len(events), size or 1), strict=False):
        ours = events[start : start + size]
        for number, (ref, _) in enumerate(ours):
            places.setdefault(ref, []).append(block_id * _PLACES + number)
        blocks.append((block_id, pack_events(ours)))
    return blocks, places


async def read(
    connection: Connection, places: Mapping[Ref, Sequence[int]]
) -> dict[Ref, list[Entry]]:
    """The events at the places of some facts.

    A place, not the fact that a block names, says where an event belongs: a release that
    routes otherwise finds the events of before under other facts.
    """
    wanted: dict[int, set[int]] = {}
    for of_fact in places.values():
        for place in of_fact:
            wanted.setdefault(place // _PLACES, set()).add(place % _PLACES)
    entries: dict[int, Entry] = {}
    if wanted:
        for block_id, body in await connection.fetch(_READ, list(wanted)):
            numbers = list(wanted[block_id])
            for number, (_, entry) in zip(numbers, unpack_events(body, numbers), strict=True):
                entries[block_id * _PLACES + number] = entry
    return {ref: [entries[place] for place in of_fact] for ref, of_fact in places.items()}


async def facts_of_streams(
    connection: Connection, streams: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], list[Ref]]:
    """The facts that earlier events of partners' streams (source, subject) belong to."""
    wanted = sorted(set(streams))
    found: dict[tuple[str, str], list[Ref]] = {stream: [] for stream in wanted}
    if wanted:
        rows = await connection.fetch(_STREAMS, [s for s, _ in wanted], [s for _, s in wanted])
        for row in rows:
            found[row["source"], row["subject"]].append(Ref(row["kind"], row["key"]))
    return found


async def after(
    connection: Connection, block: int, *, until: int, most: int
) -> list[tuple[int, list[tuple[int, Entry]]]]:
    """The blocks after one, up to another, at most so many: their events with their places.

    An event that belongs to several facts comes several times.
    """
    rows = await connection.fetch(_AFTER, block, until, most)
    return [
        (
            block_id,
            [
                (block_id * _PLACES + number, entry)
                for number, (_, entry) in enumerate(unpack_events(body))
            ],
        )
        for block_id, body in rows
    ]


async def count_after(connection: Connection, block: int, *, until: int) -> int:
    """How many blocks there are after one, up to another."""
    return int(await connection.fetchval(_COUNT, block, until))


async def last_block(connection: Connection) -> int:
    """The last block that is committed; earlier ones may still be on their way."""
    return int(await connection.fetchval("SELECT coalesce(max(id), 0) FROM journal"))
