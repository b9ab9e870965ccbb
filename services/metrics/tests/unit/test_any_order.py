"""Order, duplicates and batches of events do not matter; the ledger knows what was known when."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from kpi_histories import history_of_some, shuffled
from memory_shelf import MemoryShelf, folded, run

from events import Event
from metrics.engine.company import SECOND, Company, micros_of
from metrics.folding import advance_facts, changes_of
from metrics.kpis import CATALOGUE

NEW_YORK = Company(time_zone="America/New_York", base_currency="USD")
SEEDS = st.integers(0, 2**40)
SIZES = st.integers(1, 25)


@given(SEEDS, SIZES, SEEDS)
def test_any_order_duplicates_and_batches_give_the_same_cells_and_ledger(
    seed: int, facts: int, order: int
) -> None:
    events = history_of_some(seed, facts=facts).events
    straight = folded([events], NEW_YORK)
    mixed = folded(shuffled(events, order), NEW_YORK)
    assert mixed.cells == straight.cells
    assert mixed.ledger == straight.ledger
    assert mixed.states() == straight.states()


@given(SEEDS, SIZES, SEEDS)
def test_a_rebuild_from_the_journal_gives_what_was_folded_along_the_way(
    seed: int, facts: int, order: int
) -> None:
    along = folded(shuffled(history_of_some(seed, facts=facts).events, order), NEW_YORK)
    anew = MemoryShelf()
    routed = {ref: list(entries.values()) for ref, entries in along.journal.items()}
    advanced = run(advance_facts(anew, routed, company=NEW_YORK))
    run(anew.keep([], advanced, changes_of(advanced, CATALOGUE)))
    assert (anew.cells, anew.ledger) == (along.cells, along.ledger)
    assert anew.states() == along.states()


@given(SEEDS, SIZES, SEEDS, st.floats(0, 1))
def test_as_of_an_instant_the_cells_are_those_of_the_events_recorded_until_then(
    seed: int, facts: int, order: int, share: float
) -> None:
    events = history_of_some(seed, facts=facts).events
    shelf = folded(shuffled(events, order), NEW_YORK)
    clocks = _clamped(events)
    instants = sorted(set(clocks.values()))
    second = instants[int(share * (len(instants) - 1))] // SECOND
    known = [event for event in events if clocks[event.id] // SECOND <= second]
    assert shelf.known_at(second) == folded([known], NEW_YORK).cells


@given(SEEDS, SIZES)
def test_the_ledger_sums_to_the_cells(seed: int, facts: int) -> None:
    shelf = folded([history_of_some(seed, facts=facts).events], NEW_YORK)
    assert shelf.known_at(2**62) == shelf.cells


def _clamped(events: list[Event]) -> dict[str, int]:
    """When each event counts as known: never before an earlier one of its stream."""
    clocks: dict[str, int] = {}
    streams: dict[tuple[str, str], int] = {}
    for event in events:
        stream = (event.source, event.subject)
        streams[stream] = max(streams.get(stream, -(2**62)), micros_of(event.recordedtime))
        clocks[event.id] = streams[stream]
    return clocks
