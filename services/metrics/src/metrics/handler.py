"""Folds batches of events into facts, cells and ledger, in the consumer's transaction.

Keeps nothing in memory between batches: a batch that is rolled back and tried
again finds the same world.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from chassis.clock import Clock
from events import Connection, Event, Received, append_asyncpg
from events.types.kpi import KpiChanged
from metrics.engine.catalogue import Catalogue
from metrics.engine.changes import Changes
from metrics.engine.company import Company, micros_of
from metrics.engine.entry import Entry
from metrics.engine.fact import Advance, Fact, Ref, advance, extends, restate
from metrics.engine.routing import route, supersedes
from metrics.facts import FACT_KINDS
from metrics.store import cells, facts, journal
from metrics.store.generation import Terms, hold_generation

SOURCE = "/tandem/metrics"

Routed = dict[Ref, list[Entry]]

_NEW = Fact(None)


class Folder:
    """The consumer's handler. `shard` is the worker's own: workers never wait for a cell."""

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
        generation = await hold_generation(connection, self._terms)
        routed = await _routed(connection, [entry_of(item.event) for item in received])
        advances = await self._advance(connection, generation, routed)
        await journal.append(connection, ((r, e) for r, es in routed.items() for e in es))
        changes = Changes(self._catalogue)
        for _, _, advanced in advances:
            changes.add(advanced)
        await facts.write(connection, generation, advances)
        await cells.add_cells(connection, generation, changes.cells(), shard=self._shard)
        await cells.add_ledger(connection, generation, changes.ledger, shard=self._shard)
        await self._tell(connection, changes)

    async def _advance(
        self, connection: Connection, generation: int, routed: Routed
    ) -> list[tuple[Ref, int, Advance]]:
        refs = sorted(ref for ref in routed if ref.kind in FACT_KINDS)
        kept = await facts.read(connection, generation, refs)
        late = [ref for ref in refs if ref in kept and not extends(kept[ref].fact, routed[ref])]
        late += [ref for ref in refs if ref not in kept and not extends(_NEW, routed[ref])]
        histories = await journal.histories(connection, late)
        advances = []
        for ref in refs:
            kind, entries = FACT_KINDS[ref.kind], routed[ref]
            version = kept[ref].version if ref in kept else 0
            if ref in histories:
                history = histories[ref]
                done = restate(kind, history, entries, key=ref.key, company=self._company)
            else:
                fact = kept[ref].fact if version else Fact(kind.empty)
                done = advance(kind, fact, entries, key=ref.key, company=self._company)
            advances.append((ref, version, done))
        return advances

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


async def _routed(connection: Connection, entries: Sequence[Entry]) -> Routed:
    """The entries under each fact that they belong to, per stream in the order given."""
    superseding = [
        (entry.source, entry.subject)
        for entry in entries
        if supersedes(entry.data, sequence=entry.sequence)
    ]
    streams = await journal.facts_of_streams(connection, superseding)
    routed: Routed = {}
    for entry in entries:
        stream = (entry.source, entry.subject)
        own = route(entry.data, source=entry.source)
        refs = [] if own is None else [own]
        if supersedes(entry.data, sequence=entry.sequence):
            refs += [ref for ref in streams[stream] if ref != own]
        if stream in streams:
            streams[stream] = list(dict.fromkeys([*streams[stream], *refs]))
        for ref in refs or [Ref("unrouted", entry.stream)]:
            routed.setdefault(ref, []).append(entry)
    return routed
