"""The shelf in PostgreSQL: everything of one batch in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from events import Connection
from metrics.engine.changes import Changes
from metrics.engine.entry import Entry
from metrics.engine.fact import Ref
from metrics.folding import Advanced, Kept, Stream
from metrics.store import cells, facts, journal


class PostgresShelf:
    """See `Shelf`. `shard` is the writer's own, so that workers never wait for a cell."""

    def __init__(self, connection: Connection, *, generation: int, shard: int) -> None:
        self._connection = connection
        self._generation = generation
        self._shard = shard

    async def facts_of_streams(self, streams: Iterable[Stream]) -> dict[Stream, list[Ref]]:
        return await journal.facts_of_streams(self._connection, streams)

    async def facts(self, refs: Sequence[Ref]) -> Mapping[Ref, Kept]:
        return await facts.read(self._connection, self._generation, refs)

    async def histories(self, refs: Sequence[Ref]) -> Mapping[Ref, list[Entry]]:
        return await journal.histories(self._connection, refs)

    async def keep(
        self,
        entries: Sequence[tuple[Ref, Entry]],
        advanced: Sequence[Advanced],
        changes: Changes,
    ) -> None:
        connection, generation = self._connection, self._generation
        await journal.append(connection, entries)
        await facts.write(connection, generation, advanced)
        await cells.add_cells(connection, generation, changes.cells(), shard=self._shard)
        await cells.add_ledger(connection, generation, changes.ledger, shard=self._shard)
