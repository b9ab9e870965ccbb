"""The events behind facts: their own, or of a fact that is told by others, those of its tellers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from metrics.engine.company import SECOND
from metrics.engine.entry import Entry, in_order
from metrics.engine.fact import Ref
from metrics.engine.told import records_until
from metrics.facts import TOLD_KINDS
from metrics.facts.buyer.purchases import reporter_of
from metrics.query.source import Source
from metrics.store import facts, journal

_NOW = 2**62


async def events_behind(
    source: Source, refs: Sequence[Ref], *, as_of: int | None
) -> Mapping[Ref, list[Entry]]:
    """The events that made facts what they are, or were as of a second, in canonical order."""
    kept = await facts.read(source.connection, source.generation, refs)
    second = _NOW if as_of is None else as_of
    tellers = {
        ref: _tellers(one.fact.state.entries, second)
        for ref, one in kept.items()
        if ref.kind in TOLD_KINDS
    }
    others = [ref for of_fact in tellers.values() for ref in of_fact if ref not in kept]
    kept |= await facts.read(source.connection, source.generation, others)
    places = {ref: one.places for ref, one in kept.items()}
    for ref, of_fact in tellers.items():
        places[ref] = [place for teller in of_fact for place in places.get(teller, ())]
    wanted = {ref: places.get(ref, ()) for ref in refs}
    histories = await journal.read(source.connection, wanted)
    return {
        ref: [entry for clock, entry in in_order(entries) if clock // SECOND <= second]
        for ref, entries in histories.items()
    }


def _tellers(entries: Sequence[tuple[int, str, object, int]], second: int) -> list[Ref]:
    names = {reporter_of(record.slot) for record in records_until(entries, second)}
    return [Ref(kind, key) for kind, _, key in (name.partition("/") for name in sorted(names))]
