"""Building a generation: the journal is folded into it, step by step, beside the live one.

A step is one transaction: so many events, and how far that came. The journal grows
meanwhile; when little of it is left, the rest is folded behind the shut gate, together
with the switch, so that no batch falls between.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from chassis.clock import Clock
from events import Connection
from events.database_errors import DATABASE_ERRORS
from metrics.catalogues import catalogue_for
from metrics.engine.catalogue import Catalogue
from metrics.engine.company import Company
from metrics.engine.entry import Entry
from metrics.folding import advance_facts, changes_of, route_all
from metrics.rebuild.defining import ask_for_definitions
from metrics.rebuild.switching import switch
from metrics.store import journal, pending
from metrics.store.generation import (
    Generation,
    all_generations,
    drop_some,
    note_committed,
    note_folded,
    set_status,
    shut_gate,
)
from metrics.store.shelf import PostgresShelf, streams_of

log = logging.getLogger(__name__)

_ROWS_PER_DROP: Final = 20_000
KEPT_RETIRED: Final = 2
"""Generations that one can switch back to."""
_SHARD: Final = 0


class BuildFailed(Exception):
    """A build that cannot go on; what there is stays in force."""

    def __init__(self, generation: int) -> None:
        super().__init__(f"generation {generation} cannot be built")
        self.generation = generation


async def move_on(
    connection: Connection, *, company: Company, clock: Clock, pace: Pace | None = None
) -> bool:
    """Do the next piece of work on generations that are not live; False when none waits.

    Raises BuildFailed.
    """
    if await ask_for_definitions(connection, company=company):
        return True
    known = await all_generations(connection)
    for generation in known:
        catalogue = catalogue_for(generation.terms, company)
        if catalogue is not None and _is_due(generation):
            try:
                builder = Builder(
                    connection,
                    generation,
                    company=company,
                    catalogue=catalogue,
                    pace=pace or STEADY,
                )
                if await builder.step(clock):
                    return True
            except DATABASE_ERRORS:
                raise
            except Exception as error:
                # Our own fault, which would come again: the live figures must not suffer from it.
                raise BuildFailed(generation.id) from error
    return await _drop(connection, known)


def _is_due(generation: Generation) -> bool:
    if generation.status in ("building", "ready"):
        return True
    return generation.status == "retired" and generation.to_go_live


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How much is done at once."""

    events_per_step: int = 50_000
    """Folded in memory and written together: the more, the more of them share facts and cells."""
    blocks_per_read: int = 100
    last_blocks: int = 200
    """So few are folded while batches wait: a second's work at most."""


STEADY: Final = Pace()


class Builder:
    """Brings one generation forward."""

    def __init__(
        self,
        connection: Connection,
        generation: Generation,
        *,
        company: Company,
        catalogue: Catalogue,
        pace: Pace,
    ) -> None:
        self._connection = connection
        self._generation = generation
        self._company = company
        self._catalogue = catalogue
        self._pace = pace

    async def step(self, clock: Clock) -> bool:
        """One transaction; False when the generation has caught up and nothing more is asked."""
        generation = self._generation
        async with self._connection.transaction():
            if generation.horizon < generation.committed:
                await self._fold(generation.committed, self._pace.events_per_step)
                if generation.blocks_left <= self._pace.last_blocks:
                    await self._be_ready()
                return True
            if generation.status == "retired" and await self._merge():
                return True
            if generation.status == "ready" and not generation.to_go_live:
                last = await journal.last_block(self._connection)
                if last <= generation.horizon:
                    return False
            return await self._catch_up(clock)

    async def _catch_up(self, clock: Clock) -> bool:
        """See how far the journal has come; if that is little, fold it and switch."""
        generation = self._generation
        last = await shut_gate(self._connection)
        left = await journal.count_after(self._connection, generation.horizon, until=last)
        if generation.to_go_live and left <= self._pace.last_blocks:
            await self._fold(last, None)
            await switch(
                self._connection, generation, company=self._company, horizon=last, clock=clock
            )
            return True
        await note_committed(self._connection, generation.id, committed=last, left=left)
        if not left:
            await self._be_ready()
        # One that is ready follows at leisure: no need to shut the gate at once again.
        return left > (0 if generation.status == "building" else self._pace.last_blocks)

    async def _be_ready(self) -> None:
        """Whole but for what arrives just now: it can be compared, and waits to be switched to."""
        generation = self._generation
        if generation.status == "building" and not generation.to_go_live:
            await set_status(self._connection, generation.id, "ready")
            log.info("generation %d is ready; it waits to be switched to", generation.id)

    async def _fold(self, until: int, most: int | None) -> None:
        """Fold blocks up to one, or until there are so many events."""
        begun = time.monotonic()
        horizon, events, blocks = self._generation.horizon, 0, 0
        read: dict[tuple[str, int], tuple[int, Entry]] = {}
        while horizon < until and (most is None or events < most):
            found = await journal.after(
                self._connection, horizon, until=until, most=self._pace.blocks_per_read
            )
            for _, block in found:
                for place, entry in block:
                    read.setdefault((entry.stream, entry.sequence), (place, entry))
                events += len(block)
            blocks += len(found)
            # Ids of batches that were undone have no block.
            horizon = found[-1][0] if len(found) == self._pace.blocks_per_read else until
        if read:
            await self._write(read.values())
        await note_folded(
            self._connection,
            self._generation.id,
            horizon=horizon,
            events=events,
            blocks=blocks,
            seconds=time.monotonic() - begun,
        )

    async def _write(self, read: Iterable[tuple[int, Entry]]) -> None:
        """Fold as a batch does, routing anew: another release may route otherwise."""
        shelf = PostgresShelf(self._connection, generation=self._generation.id, shard=_SHARD)
        # Within a batch blocks are in order of facts; routing wants the order of streams.
        placed = sorted(read, key=lambda one: one[1].sequence)
        place_of = {id(entry): place for place, entry in placed}
        routed = await route_all(shelf, [entry for _, entry in placed])
        streams = streams_of((ref, entry) for ref, entries in routed.items() for entry in entries)
        advanced = await advance_facts(shelf, routed, company=self._company)
        # Without those that a fact has already.
        places = {ref: [place_of[id(e)] for e in entries] for ref, entries in routed.items()}
        changes = changes_of(advanced, self._catalogue)
        await shelf.write(advanced, None, places=places, streams=streams)
        await pending.pass_by(
            self._connection,
            self._generation.id,
            changes,
            catalogue=self._catalogue,
            shard=_SHARD,
        )

    async def _merge(self) -> int:
        return await pending.merge(
            self._connection, self._generation.id, catalogue=self._catalogue, shard=_SHARD
        )


async def _drop(connection: Connection, known: list[Generation]) -> bool:
    """Remove some of what nobody can switch to any more."""
    retired = [one for one in known if one.retired_at is not None and one.status == "retired"]
    for one in sorted(retired, key=lambda one: str(one.retired_at))[:-KEPT_RETIRED]:
        if not one.to_go_live:
            await set_status(connection, one.id, "dropped")
    for one in known:
        if one.status == "dropped":
            async with connection.transaction():
                await drop_some(connection, one.id, rows=_ROWS_PER_DROP)
            return True
    return False
