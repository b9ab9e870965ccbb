"""The consumer's handler: folds a batch in the consumer's transaction and tells what changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from chassis.clock import Clock
from events import Connection, Event, Received
from events.types.heartbeat import BeatEmitted
from events.types.kpi import ChangedKpi
from metrics.catalogues import catalogue_held
from metrics.engine.company import Company, micros_of
from metrics.engine.entry import Entry
from metrics.folding import fold
from metrics.store import coverage, pending
from metrics.store.generation import hold_generation
from metrics.store.journal import blocks_for
from metrics.store.shelf import PostgresShelf
from metrics.telling import tell_changed


class Folder:
    """Called by the consumer with fresh events, in order within their streams.

    Folds into whatever generation is live, with that generation's catalogue.
    """

    def __init__(
        self,
        *,
        company: Company,
        shard: int,
        clock: Clock,
        watermark: Callable[[], datetime | None],
    ) -> None:
        self._company = company
        self._shard = shard
        self._clock = clock
        self._watermark = watermark

    async def __call__(self, connection: Connection, received: Sequence[Received]) -> None:
        """Raises GenerationChanged when the live figures are not of our release and settings."""
        beats = _beats(received)
        entries = [
            entry_of(item.event)
            for item in received
            if not isinstance(item.event.data, BeatEmitted)
        ]
        changed = await self._fold(connection, entries) if entries else []
        if changed or beats:
            await tell_changed(
                connection,
                changed,
                number=self._shard,
                writer=f"metrics-{self._shard}",
                watermark=self._watermark(),
                now=self._clock.now(),
                beats=beats,
            )

    async def _fold(self, connection: Connection, entries: Sequence[Entry]) -> list[ChangedKpi]:
        held = await hold_generation(connection, shard=self._shard, blocks=blocks_for(len(entries)))
        catalogue = catalogue_held(held, self._company)
        changes = await fold(
            PostgresShelf(
                connection, generation=held.generation, shard=self._shard, blocks=held.blocks
            ),
            entries,
            company=self._company,
            catalogue=catalogue,
        )
        await coverage.add(connection, entries, shard=self._shard)
        if held.pending > pending.MOST_PER_MERGE:
            # Nobody merges beside us, or not fast enough.
            await pending.merge(connection, held.generation, catalogue=catalogue, shard=self._shard)
        return changes.changed_kpis()


def _beats(received: Sequence[Received]) -> dict[str, datetime]:
    """When each service whose heart beat in this batch last did so."""
    newest: dict[str, datetime] = {}
    for item in received:
        if isinstance(item.event.data, BeatEmitted):
            service, at = item.event.data.service, item.event.time
            newest[service] = max(at, newest.get(service, at))
    return newest


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
