"""Folding a batch of events into facts and cells: what the handler does, whatever keeps the facts.

Keeps nothing in memory between batches: a batch that is rolled back and tried
again finds the same world.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final, Protocol

import msgspec

from metrics.engine.catalogue import Catalogue
from metrics.engine.changes import Changes
from metrics.engine.company import Company
from metrics.engine.entry import Entry
from metrics.engine.fact import Advance, Fact, Ref, Step, advance, extends, restate
from metrics.engine.routing import concerns, route, supersedes
from metrics.engine.told import reported, tell
from metrics.facts import FACT_KINDS, TOLD_KINDS

Stream = tuple[str, str]
"""Source and subject."""


class Kept(msgspec.Struct, frozen=True):
    """A fact with the version under which it was read, and the places of its events."""

    fact: Fact
    version: int
    places: Sequence[int] = ()


_NOTHING: Final = Kept(Fact(None), 0)


class Advanced(msgspec.Struct, frozen=True):
    """A fact after a batch, with the version (0 when it is new) and places from before."""

    ref: Ref
    version: int
    advance: Advance
    places: Sequence[int] = ()


class Shelf(Protocol):
    """Keeps facts, the journal and cells: PostgreSQL, or memory in tests of the engine."""

    async def facts_of_streams(self, streams: Iterable[Stream]) -> dict[Stream, list[Ref]]:
        """The facts that earlier events of partners' streams belong to."""
        ...

    async def facts(self, refs: Sequence[Ref]) -> Mapping[Ref, Kept]:
        """Those of the facts that are kept."""
        ...

    async def histories(self, kept: Mapping[Ref, Kept]) -> Mapping[Ref, list[Entry]]:
        """All entries of some facts that are kept."""
        ...

    async def keep(
        self,
        entries: Sequence[tuple[Ref, Entry]],
        advanced: Sequence[Advanced],
        changes: Changes,
    ) -> None:
        """Keep entries and facts, and add the changes."""
        ...


async def fold(
    shelf: Shelf, entries: Sequence[Entry], *, company: Company, catalogue: Catalogue
) -> Changes:
    """Apply entries that come in order within their streams; returns what changed."""
    routed = await route_all(shelf, entries)
    advanced = await advance_facts(shelf, routed, company=company)
    changes = changes_of(advanced, catalogue)
    placed = [(ref, entry) for ref, entries_of in routed.items() for entry in entries_of]
    await shelf.keep(placed, advanced, changes)
    return changes


def changes_of(advanced: Iterable[Advanced], catalogue: Catalogue) -> Changes:
    changes = Changes(catalogue)
    for one in advanced:
        changes.add(one.advance)
    return changes


async def route_all(shelf: Shelf, entries: Sequence[Entry]) -> dict[Ref, list[Entry]]:
    """The entries, in order within their streams, under each fact that they belong to."""
    superseding = [
        (entry.source, entry.subject)
        for entry in entries
        if supersedes(entry.data, sequence=entry.sequence)
    ]
    streams = await shelf.facts_of_streams(superseding) if superseding else {}
    routed: dict[Ref, list[Entry]] = {}
    for entry in entries:
        own = route(entry.data, source=entry.source)
        refs = [] if own is None else [own]
        stream = (entry.source, entry.subject)
        if stream in streams:
            if supersedes(entry.data, sequence=entry.sequence):
                refs += [r for r in streams[stream] if r != own and concerns(entry.data, r)]
            streams[stream] = list(dict.fromkeys([*streams[stream], *refs]))
        for ref in refs or [Ref("unrouted", entry.stream)]:
            routed.setdefault(ref, []).append(entry)
    return routed


async def advance_facts(
    shelf: Shelf, routed: dict[Ref, list[Entry]], *, company: Company
) -> list[Advanced]:
    """Fold each fact's entries into it. Those that a fact has already are taken out of `routed`."""
    refs = [ref for ref in routed if ref.kind in FACT_KINDS]
    kept = await shelf.facts(refs)
    late = {
        ref: kept.get(ref, _NOTHING)
        for ref in refs
        if not extends(kept.get(ref, _NOTHING).fact, routed[ref])
    }
    histories = await shelf.histories(late) if late else {}
    advanced = []
    for ref in refs:
        kind, before = FACT_KINDS[ref.kind], kept.get(ref, _NOTHING)
        if ref in late:
            history = histories[ref]
            routed[ref] = _fresh(routed[ref], history)
            done = restate(kind, history, routed[ref], key=ref.key, company=company)
        else:
            fact = before.fact if before.version else Fact(kind.empty)
            done = advance(kind, fact, routed[ref], key=ref.key, company=company)
        advanced.append(Advanced(ref, before.version, done, before.places))
    return [*advanced, *await _tell(shelf, advanced, company=company)]


async def _tell(
    shelf: Shelf, advanced: Sequence[Advanced], *, company: Company
) -> Sequence[Advanced]:
    """The facts that are told something by those that advanced, and by one another."""
    done: dict[Ref, Advanced] = {}
    told = reported(step for one in advanced for step in one.advance.steps)
    while told:
        kept = await shelf.facts([ref for ref in told if ref not in done])
        steps: list[Step] = []
        for ref, entries in told.items():
            kind = TOLD_KINDS[ref.kind]
            before = done.get(ref)
            known = kept.get(ref, _NOTHING)
            fact = before.advance.fact if before else known.fact
            if fact.state is None:
                fact = Fact(kind.empty)
            one = tell(kind, fact, entries, key=ref.key, company=company)
            steps += one.steps
            if before:
                one = replace(one, steps=[*before.advance.steps, *one.steps])
            done[ref] = Advanced(ref, before.version if before else known.version, one)
        told = reported(steps)
    return list(done.values())


def _fresh(entries: Iterable[Entry], history: Iterable[Entry]) -> list[Entry]:
    """Without those whose place in their stream is taken: the first to claim it stays."""
    taken = {(entry.source, entry.subject, entry.sequence) for entry in history}
    fresh = []
    for entry in entries:
        place = (entry.source, entry.subject, entry.sequence)
        if place not in taken:
            taken.add(place)
            fresh.append(entry)
    return fresh
