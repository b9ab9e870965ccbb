"""The consumer's handler: folds a batch in the consumer's transaction and tells what changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from chassis.clock import Clock
from events import Connection, Event, Received, append_asyncpg
from events.types.kpi import KpiChanged
from metrics.engine.catalogue import Catalogue
from metrics.engine.changes import Changes
from metrics.engine.company import Company, micros_of
from metrics.engine.entry import Entry
from metrics.folding import fold
from metrics.store import pending
from metrics.store.generation import Terms, hold_generation
from metrics.store.journal import blocks_for
from metrics.store.shelf import PostgresShelf

SOURCE: Final = "/tandem/metrics"


class Folder:
    """Called by the consumer with fresh events, in order within their streams."""

    def __init__(
        self,
        *,
        company: Company,
        catalogue: Catalogue,
        shard: int,
        clock: Clock,
        watermark: Callable[[], datetime | None],
    ) -> None:
        self._company = company
        self._catalogue = catalogue
        self._terms = Terms.of(company, catalogue)
        self._shard = shard
        self._clock = clock
        self._watermark = watermark

    async def __call__(self, connection: Connection, received: Sequence[Received]) -> None:
        held = await hold_generation(
            connection, self._terms, shard=self._shard, blocks=blocks_for(len(received))
        )
        changes = await fold(
            PostgresShelf(
                connection, generation=held.generation, shard=self._shard, blocks=held.blocks
            ),
            [entry_of(item.event) for item in received],
            company=self._company,
            catalogue=self._catalogue,
        )
        await self._tell(connection, changes)
        if held.pending > pending.MOST_PER_MERGE:
            # Nobody merges beside us, or not fast enough.
            await pending.merge(
                connection, held.generation, catalogue=self._catalogue, shard=self._shard
            )

    async def _tell(self, connection: Connection, changes: Changes) -> None:
        """Promise one kpi.changed for the batch, if it changed a KPI at all."""
        changed = changes.changed_kpis()
        if not changed:
            return
        sequence = await connection.fetchval(
            "INSERT INTO writers (shard, sequence) VALUES ($1, 1)"
            " ON CONFLICT (shard) DO UPDATE SET sequence = writers.sequence + 1 RETURNING sequence",
            self._shard,
        )
        now = self._clock.now()
        told = KpiChanged(
            writer=f"metrics-{self._shard}", watermark=self._watermark(), changed=changed
        )
        event = Event.of(told, source=SOURCE, sequence=sequence, occurred_at=now, recorded_at=now)
        await append_asyncpg(connection, [event])


def entry_of(event: Event) -> Entry:
    """The event as the engine takes it."""
    return Entry(
        id=event.id,
        source=event.source,
        subject=event.subject,
        sequence=event.sequence,
        occurred=micros_of(event.time),
        recorded=micros_of(event.recordedtime),
        data=event.data,
    )
