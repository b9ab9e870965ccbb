"""The shelf in PostgreSQL: everything of one batch in the caller's transaction.

A batch is written by one statement, for what a small batch mostly costs is round trips.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec
from asyncpg import SerializationError

from events import Connection
from metrics.engine.changes import Changes
from metrics.engine.entry import Entry
from metrics.engine.fact import Ref
from metrics.engine.routing import OWN_SOURCE
from metrics.folding import Advanced, Kept, Stream
from metrics.store import facts, journal
from metrics.store.columns import columns_of
from metrics.store.packing import Changed, Placed, pack_batch

_WRITE: Final = """
WITH kept_events AS (
    INSERT INTO journal (id, body) SELECT * FROM unnest($3::bigint[], $4::bytea[])
), known_streams AS (
    INSERT INTO partner_streams
    SELECT DISTINCT * FROM unnest($5::text[], $6::text[], $7::text[], $8::text[])
    ON CONFLICT DO NOTHING
), new_changes AS (
    INSERT INTO pending
        (generation, shard, deltas, kinds, first_on, last_on, first_second, last_second, body)
    SELECT $1, $2, $9::integer, $10::text[], $11::integer, $12::integer, $13::bigint, $14::bigint,
           $15::bytea
    WHERE $9 > 0
)
INSERT INTO facts (generation, kind, key, version, first_on, last_on, problems, marks, body)
SELECT $1, f.kind, f.key, f.version, f.first_on, f.last_on,
       coalesce(string_to_array(f.problems, ','), '{}'),
       string_to_array(f.marks, ',')::integer[], f.body
FROM unnest($16::text[], $17::text[], $18::int[], $19::int[], $20::int[], $21::text[],
            $22::text[], $23::bytea[])
    AS f (kind, key, version, first_on, last_on, problems, marks, body)
ORDER BY f.kind, f.key
ON CONFLICT (generation, kind, key) DO UPDATE
SET version = excluded.version, first_on = excluded.first_on, last_on = excluded.last_on,
    problems = excluded.problems, marks = excluded.marks, body = excluded.body
WHERE facts.version = excluded.version - 1"""


_NOTHING: Final = Changed(0, [], 0, 0, 0, 0, b"")


class PostgresShelf:
    """See `Shelf`. `blocks` are ids for the batch's part of the journal."""

    def __init__(
        self, connection: Connection, *, generation: int, shard: int, blocks: Sequence[int] = ()
    ) -> None:
        self._connection = connection
        self._generation = generation
        self._shard = shard
        self._blocks = blocks

    async def facts_of_streams(self, streams: Iterable[Stream]) -> dict[Stream, list[Ref]]:
        return await journal.facts_of_streams(self._connection, streams)

    async def facts(self, refs: Sequence[Ref]) -> Mapping[Ref, Kept]:
        return await facts.read(self._connection, self._generation, refs)

    async def histories(self, kept: Mapping[Ref, Kept]) -> Mapping[Ref, list[Entry]]:
        places = {ref: one.places for ref, one in kept.items()}
        return await journal.read(self._connection, places)

    async def keep(
        self, entries: Sequence[Placed], advanced: Sequence[Advanced], changes: Changes
    ) -> None:
        """Raises SerializationError when a fact was changed by another worker meanwhile."""
        blocks, places = journal.pack(entries, self._blocks)
        changed = pack_batch(changes.batch)
        await self.write(
            advanced, changed, places=places, blocks=blocks, streams=streams_of(entries)
        )

    async def write(
        self,
        advanced: Sequence[Advanced],
        changed: Changed | None,
        *,
        places: Mapping[Ref, Sequence[int]],
        blocks: Sequence[journal.Block] = (),
        streams: Sequence[tuple[str, str, str, str]] = (),
    ) -> None:
        """Write facts, changes that are to be pending, and what is new of the journal.

        A refund and its sale may meet on two workers: rare enough to need no lock on
        reading. Each fact is written with the version that it was read under, and the
        batch is tried again when another was faster.
        """
        rows = [facts.row_of(one, places.get(one.ref, ())) for one in advanced]
        written = await self._connection.execute(
            _WRITE,
            *(self._generation, self._shard),
            *columns_of(blocks, width=2),
            *columns_of(streams, width=4),
            *msgspec.structs.astuple(changed or _NOTHING),
            *columns_of(rows, width=8),
        )
        if written != f"INSERT 0 {len(rows)}":
            raise SerializationError("a fact was changed by another worker at the same moment")


def streams_of(entries: Iterable[Placed]) -> list[tuple[str, str, str, str]]:
    """Which facts partners' streams belong to: an event can come that names only its stream."""
    return [
        (entry.source, entry.subject, ref.kind, ref.key)
        for ref, entry in entries
        if not entry.source.startswith(OWN_SOURCE)
    ]
