"""The shelf in memory: the same engine without a database."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Coroutine, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from operator import add
from typing import Any, TypeVar

from events import Event
from metrics.engine.calendar import first_of_month
from metrics.engine.cell import NO_BIN, Layout
from metrics.engine.changes import Changes, deltas_of
from metrics.engine.company import Company
from metrics.engine.dimension import DIMENSIONS, NUMBERS, in_order, joined, parted, slice_number
from metrics.engine.entry import Entry
from metrics.engine.expectation import Forecast
from metrics.engine.fact import Fact, Ref
from metrics.engine.measure import Measure
from metrics.engine.moment import Moment, MomentKind
from metrics.engine.pricing import Prices
from metrics.engine.slicing import amount_of, parts_of
from metrics.engine.sums import Known, Sums
from metrics.facts import TOLD_KINDS, moments_of
from metrics.facts.organisation import organisation_of
from metrics.facts.today import in_todays_members
from metrics.folding import Advanced, Kept, Stream, fold
from metrics.handler import entry_of
from metrics.kpis import CATALOGUE
from metrics.query.contributions import Contributions, measures_of, until_of
from metrics.query.gathering import is_crossed, only_facts_know
from metrics.query.question import Question
from metrics.store.facts import decode_fact, encode_fact

T = TypeVar("T")
Vector = tuple[int, ...]
CellKey = tuple[int, int, int, str, int]


class MemoryShelf:
    """See `Shelf`."""

    def __init__(self) -> None:
        self.journal: dict[Ref, dict[tuple[str, str, int], Entry]] = {}
        self.bodies: dict[Ref, tuple[int, bytes]] = {}
        self.cells: dict[CellKey, Vector] = {}
        self.ledger: dict[tuple[int, *CellKey], Vector] = {}

    async def facts_of_streams(self, streams: Iterable[Stream]) -> dict[Stream, list[Ref]]:
        found: dict[Stream, list[Ref]] = {stream: [] for stream in streams}
        for ref, entries in self.journal.items():
            for source, subject, _ in entries:
                if (source, subject) in found and ref not in found[source, subject]:
                    found[source, subject].append(ref)
        return found

    async def facts(self, refs: Sequence[Ref]) -> Mapping[Ref, Kept]:
        return {
            ref: Kept(decode_fact(ref.kind, self.bodies[ref][1]), self.bodies[ref][0])
            for ref in refs
            if ref in self.bodies
        }

    async def histories(self, kept: Mapping[Ref, Kept]) -> Mapping[Ref, list[Entry]]:
        return {ref: list(self.journal.get(ref, {}).values()) for ref in kept}

    async def keep(
        self,
        entries: Sequence[tuple[Ref, Entry]],
        advanced: Sequence[Advanced],
        changes: Changes,
    ) -> None:
        for ref, entry in entries:
            place = (entry.source, entry.subject, entry.sequence)
            self.journal.setdefault(ref, {}).setdefault(place, entry)
        for one in advanced:
            assert one.version == self.bodies.get(one.ref, (0, b""))[0]
            self.bodies[one.ref] = (one.version + 1, encode_fact(one.advance.fact))
        for second, moment, times in deltas_of(changes.batch):
            for key, vector in cells_of([(moment, times)]):
                _add(self.cells, key, vector)
                _add(self.ledger, (second, *key), vector)

    def known_at(self, second: int) -> dict[CellKey, Vector]:
        """The cells as of a second, from the ledger."""
        cells: dict[CellKey, Vector] = {}
        for (known, *key), vector in self.ledger.items():
            if known <= second:
                _add(cells, tuple(key), vector)
        return cells

    def states(self) -> dict[Ref, Fact]:
        """The kept facts, without the versions that batching decides, and without those that
        are told nothing any more.
        """
        facts = {ref: decode_fact(ref.kind, body) for ref, (_, body) in self.bodies.items()}
        return {
            ref: fact
            for ref, fact in facts.items()
            if ref.kind not in TOLD_KINDS or fact.state.entries
        }


def cells_of(
    counted: Iterable[tuple[Moment, int]], *, layout: Layout = CATALOGUE.layout
) -> Iterator[tuple[CellKey, Vector]]:
    """The cells that moments add up to, moment by moment; none that is zero."""
    measures = _measures_by_kind(layout)
    cells: dict[CellKey, list[int]] = {}
    for moment, times in counted:
        shares = _Shares(moment)
        for measure in measures.get(moment.kind, ()):
            address = layout.addresses[measure]
            bin_ = moment.bin if measure.binned else NO_BIN
            if bin_ is None:
                continue
            day = first_of_month(moment.day) if measure.crossing else moment.day
            amount = amount_of(measure, moment)
            for by in shares.kept_by(measure):
                key = address.cube, _number_of(by), day
                for member, share in shares.of(amount, by):
                    nothing = [0] * len(layout.cubes[address.cube])
                    vector = cells.setdefault((*key, member, bin_), nothing)
                    vector[address.place] += times * share
    return ((key, tuple(vector)) for key, vector in cells.items() if any(vector))


@cache
def _measures_by_kind(layout: Layout) -> Mapping[MomentKind, Sequence[Measure]]:
    measures: dict[MomentKind, list[Measure]] = {}
    for measure in layout.addresses:
        measures.setdefault(measure.kind, []).append(measure)
    return measures


_number_of = cache(slice_number)


class _Shares:
    """What of a moment falls to each member; measures of one amount share it in the same way."""

    def __init__(self, moment: Moment) -> None:
        self._cut = moment.cut
        applying = [name for name in DIMENSIONS if self._applies(name)]
        self._only: tuple[str, ...] | None = tuple(applying) if moment.kind.scoped else None
        slices: list[tuple[str, ...]] = [(), *((name,) for name in applying)]
        self._by_one_at_most = [by for by in slices if self._only in (None, by)]
        self._found: dict[tuple[int, Sequence[str]], list[tuple[str, int]]] = {}

    def kept_by(self, measure: Measure) -> Sequence[Sequence[str]]:
        """The dimensions of the slices that have something of it."""
        if not measure.crossing:
            return self._by_one_at_most
        slices = [by for by in measure.crossing if all(map(self._applies, by))]
        return [by for by in slices if self._only in (None, tuple(in_order(by)))]

    def of(self, amount: int, by: Sequence[str]) -> list[tuple[str, int]]:
        if (amount, by) not in self._found:
            self._found[amount, by] = [
                (joined([members[name] for name in in_order(by)]), share)
                for members, share in parts_of(amount, self._cut, by=by)
            ]
        return self._found[amount, by]

    def _applies(self, name: str) -> bool:
        return self._cut[NUMBERS[name] - 1] is not None


def _add(cells: dict[Any, Vector], key: Any, vector: Vector) -> None:
    known = cells.get(key)
    total = vector if known is None else tuple(map(add, known, vector))
    if any(total):
        cells[key] = total
    else:
        cells.pop(key, None)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never waits."""
    try:
        work.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    raise AssertionError("it waited for something")


def folded(batches: Iterable[Sequence[Event]], company: Company) -> MemoryShelf:
    shelf = MemoryShelf()
    for batch in batches:
        entries = [entry_of(event) for event in batch]
        run(fold(shelf, entries, company=company, catalogue=CATALOGUE))
    return shelf


def sums_from_cells(cells: Mapping[CellKey, Vector], question: Question, known: Known) -> Sums:
    """What `answer` reads from the database, from cells in memory."""
    asked, filters = question.dimensions, question.filters
    assert len(asked) <= 1 or is_crossed(question)
    sums = Contributions(question, known, Prices()).new_sums()
    dimension = slice_number(asked)
    for measure in measures_of(question):
        address = CATALOGUE.layout.addresses[measure]
        for (cube, number, day, member, bin_), vector in cells.items():
            if (cube, number) != (address.cube, dimension) or day >= until_of(question, known):
                continue
            names = parted(member) if len(asked) > 1 else (member,) * len(asked)
            named = dict(zip(in_order(asked), names, strict=True))
            if all(named[name] in wanted for name, wanted in filters.items()):
                members = tuple(named[name] for name in question.by)
                amount = vector[address.place]
                stretch = bisect_right(sums.bounds, day)
                sums.add(measure, stretch, members=members, bin_=bin_, amount=amount)
    return sums


def sums_from_facts(shelf: MemoryShelf, question: Question, known: Known) -> Sums:
    """What `answer` reads when several dimensions are asked for at once, or today's members."""
    states = [(ref.kind, fact.state) for ref, fact in shelf.states().items()]
    if question.today:
        organisation = organisation_of(
            *([state for of, state in states if of == kind] for kind in ("person", "team"))
        )
        states = [(kind, in_todays_members(state, organisation)) for kind, state in states]
    said = [moments_of(kind, state, known.company) for kind, state in states]
    along = {m.price.kind: m.price.along for m in measures_of(question) if m.price}
    prices = Prices((m for moments in said for m in moments if m.kind in along), along=along)
    contributions = Contributions(question, known, prices)
    sums = contributions.new_sums()
    for moments in said:
        contributions.add_fact(moments, sums)
    return sums


def readings(shelf: MemoryShelf, question: Question, known: Known) -> Iterator[Sums]:
    """What `answer` can read: from the cells, where they know, and from the facts."""
    priced = any(measure.price for measure in measures_of(question))
    kept = len(question.dimensions) <= 1 or is_crossed(question)
    cells_know = kept and not only_facts_know(question)
    if cells_know and not question.today and not priced:
        yield sums_from_cells(shelf.cells, question, known)
    yield sums_from_facts(shelf, question, known)


def company_sums(shelf: MemoryShelf, question: Question, known: Known) -> Sums | None:
    """What a forecast takes its shares from."""
    if not isinstance(question.kpi, Forecast):
        return None
    shares = replace(question, kpi=question.kpi.shares(), by=(), filters={}, today=False)
    return sums_from_cells(shelf.cells, shares, known)
