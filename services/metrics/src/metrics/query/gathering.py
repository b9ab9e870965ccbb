"""Gathering the sums of a question, from wherever they are kept.

Cells know one dimension at a time, by the members of each day, and lack what is pending.
Where they cannot know, the facts are asked. As of an instant it is the ledger that knows:
what became known since is taken back from the cells, or what was known is added up.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from metrics.engine.changes import Delta
from metrics.engine.dimension import in_order, parted, slice_number
from metrics.engine.expectation import Forecast
from metrics.engine.measure import Measure
from metrics.engine.presence import Presence
from metrics.engine.pricing import Prices
from metrics.engine.sums import Known, Members, Sums
from metrics.facts import moments_of
from metrics.query import limits
from metrics.query.contributions import Contributions, measures_of, until_of
from metrics.query.question import Question
from metrics.query.scan import read_facts, since_of, speaking_facts
from metrics.query.source import Source
from metrics.store import cells, ledger, pending

_EVER: Final = 2**62
"""A second that never comes."""


async def gather(source: Source, question: Question, known: Known) -> Sums:
    """The sums that an answer is read from."""
    gathering = _Gathering(
        source, question, known=known, prices=await read_prices(source, question)
    )
    if question.today or only_facts_know(question):
        await gathering.add_facts(question)
    elif question.as_of is None:
        await gathering.add_what_is_known_now()
    else:
        await gathering.add_what_was_known_at(question.as_of)
    return gathering.sums


async def company_sums(source: Source, question: Question, known: Known) -> Sums | None:
    """What a forecast takes its shares from, whatever it is cut by; None for other KPIs."""
    if not isinstance(question.kpi, Forecast):
        return None
    shares = replace(
        question, kpi=question.kpi.shares(), by=(), filters={}, today=False, currency=None
    )
    return await gather(source, shares, known)


def is_crossed(question: Question) -> bool:
    """Whether all that is asked is kept by just these dimensions at once."""
    asked = slice_number(question.dimensions)
    return all(
        asked in {slice_number(by) for by in measure.crossing} for measure in measures_of(question)
    )


def only_facts_know(question: Question) -> bool:
    """Whether neither cells nor the ledger hold what is asked: how often a fact was present
    among several members, a price for what is cut by another dimension, or what is kept by
    other dimensions only.
    """
    measures = measures_of(question)
    if any(measure.crossing for measure in measures) and not is_crossed(question):
        return True
    if any(isinstance(measure.kind, Presence) for measure in measures):
        several = any(len(members) > 1 for members in question.filters.values())
        if several or len(question.dimensions) > 1:
            return True
    along = {measure.price.along for measure in measures if measure.price}
    return bool(along) and len(along | set(question.dimensions)) > 1


async def read_prices(source: Source, question: Question) -> Prices:
    """The prices that the question's quantities are multiplied by."""
    along = {m.price.kind: m.price.along for m in measures_of(question) if m.price}
    if not along:
        return Prices()
    said = []
    days = -(2**31), question.periods[-1].end
    # A price holds whatever the quantities are filtered by.
    facts = read_facts(source, along, moments_of, question=question, days=days)
    async for _, moments in facts:
        said += [moment for moment in moments if moment.kind in along]
    return Prices(said, along=along)


class _Read(NamedTuple):
    """A stretch of a cube, with the measures that are read of it, and their places."""

    stretch: cells.Stretch
    measures: Sequence[Measure]
    places: Sequence[int]


class _Gathering:
    def __init__(self, source: Source, question: Question, *, known: Known, prices: Prices) -> None:
        self._source = source
        self._question = question
        self._prices = prices
        self._days = since_of(question), until_of(question, known)
        self._contributions = Contributions(question, known, prices)
        self._members: dict[str, Members | None] = {}
        self.sums = self._contributions.new_sums()

    async def add_what_is_known_now(self) -> None:
        if self._cells_know:
            await self.add_cells()
            self._add(await self._pending())
        else:
            await self.add_facts(self._question)

    @property
    def _cells_know(self) -> bool:
        return len(self._question.dimensions) <= 1 or is_crossed(self._question)

    async def add_what_was_known_at(self, second: int) -> None:
        """What became known until then, or what is known now without what became known since:
        whichever is less to look through.
        """
        until, since = await self._count_changes(second)
        is_until = until < since + await self._count_facts(most=until)
        limits.refuse_too_many_changes(self._source, until if is_until else since)
        waiting = await self._pending()
        early = [delta for delta in waiting if delta.second <= second]
        if is_until:
            self._add([*await self._ledger((-_EVER, second)), *early])
            return
        if self._cells_know:
            await self.add_cells()
            self._add(early)
        else:
            await self.add_facts(replace(self._question, as_of=None))
            self._add((delta for delta in waiting if delta.second > second), sign=-1)
        self._add(await self._ledger((second, _EVER)), sign=-1)

    async def add_cells(self) -> None:
        question = self._question
        wanted = measures_of(question)
        await self._add_plain_cells([m for m in wanted if m.price is None])
        for along in {m.price.along for m in wanted if m.price}:
            of_along = [m for m in wanted if m.price and m.price.along == along]
            await self._add_priced_cells(of_along, along)

    async def _add_plain_cells(self, wanted: Sequence[Measure]) -> None:
        dimensions, bounds = self._question.dimensions, self.sums.bounds
        async for read in self._read_cells(wanted, dimensions=dimensions, bounds=bounds):
            if read.measures[0].binned:
                self._add_runs(read)
            else:
                self._add_columns(read)

    def _add_columns(self, read: _Read) -> None:
        for columns in read.stretch.columns(read.places, members=self._read_members):
            members = list(map(self._members_of, columns.members))
            for measure, amounts in zip(read.measures, columns.amounts, strict=True):
                self.sums.add_column(measure, read.stretch.place, members=members, amounts=amounts)

    def _add_runs(self, read: _Read) -> None:
        place = read.stretch.place
        for runs in read.stretch.runs(read.places, members=self._read_members):
            for member, own in runs.each():
                members = self._members_of(member)
                if members is None:
                    continue
                bins = runs.bins[own]
                for measure, amounts in zip(read.measures, runs.amounts, strict=True):
                    self.sums.add_run(
                        measure, place, members=members, bins=bins, amounts=amounts[own]
                    )

    async def _add_priced_cells(self, wanted: Sequence[Measure], along: str) -> None:
        """Day by day, since a price can change on any."""
        days = range(*self._days)
        async for read in self._read_cells(wanted, dimensions=[along], bounds=days):
            day = days[read.stretch.place - 1]
            place = bisect_right(self.sums.bounds, day)
            for columns in read.stretch.columns(read.places, members=self._read_members):
                members = [(member,) if self._question.by else () for member in columns.members]
                for measure, quantities in zip(read.measures, columns.amounts, strict=True):
                    amounts = [
                        self._prices.amount(measure, quantity, member=member, day=day)
                        for member, quantity in zip(columns.members, quantities, strict=True)
                    ]
                    self.sums.add_column(measure, place, members=members, amounts=amounts)

    def _members_of(self, member: str) -> Members | None:
        """What a cell's member is along the dimensions that the answer is broken down by; None
        where it does not pass the filters.
        """
        if member not in self._members:
            self._members[member] = self._filtered(member)
        return self._members[member]

    def _filtered(self, member: str) -> Members | None:
        asked, filters = self._question.dimensions, self._question.filters
        names = parted(member) if len(asked) > 1 else (member,) * len(asked)
        named = dict(zip(in_order(asked), names, strict=True))
        if any(named[name] not in wanted for name, wanted in filters.items()):
            return None
        return tuple(named[name] for name in self._question.by)

    @property
    def _read_members(self) -> Collection[str] | None:
        """Those that are read of a page; of two dimensions at once they are told apart later."""
        question = self._question
        if len(question.dimensions) != 1:
            return None
        return next(iter(question.filters.values()), None)

    async def _read_cells(
        self, wanted: Sequence[Measure], *, dimensions: Sequence[str], bounds: Sequence[int]
    ) -> AsyncIterator[_Read]:
        addresses = self._source.catalogue.layout.addresses
        by_cube: dict[int, list[tuple[Measure, int]]] = {}
        for measure in wanted:
            address = addresses[measure.quantity]
            by_cube.setdefault(address.cube, []).append((measure, address.place))
        if not by_cube:
            return
        stretches = await cells.read(
            self._source.connection,
            self._source.generation,
            cubes=by_cube,
            dimension=slice_number(dimensions),
            bounds=bounds,
            since=self._days[0],
            until=self._days[1],
        )
        for stretch in stretches:
            measures, places = zip(*by_cube[stretch.cube], strict=True)
            yield _Read(stretch, measures, places)

    async def _pending(self) -> list[Delta]:
        return await pending.read(
            *(self._source.connection, self._source.generation),
            catalogue=self._source.catalogue,
            only=self._contributions.kinds,
        )

    async def add_facts(self, question: Question) -> None:
        """From the facts themselves, as of the question's instant if it names one."""
        contributions, days, scoped = self._contributions, self._days, self._source.scoped
        if scoped is not None and scoped.know(question):
            await scoped.add(
                contributions, to=self.sums, source=self._source, periods=question.periods
            )
            return
        await limits.refuse_too_many_facts(
            self._source, contributions.kinds, question=question, days=days
        )
        facts = speaking_facts(self._source, contributions.kinds, question=question, days=days)
        async for _, moments in facts:
            contributions.add_fact(moments, self.sums)

    def _add(self, deltas: Iterable[Delta], *, sign: int = 1) -> None:
        counted = ((moment, sign * times) for _, moment, times in deltas)
        self._contributions.add(counted, self.sums)

    async def _ledger(self, seconds: tuple[int, int]) -> list[Delta]:
        """What became known after a second and until another."""
        return await ledger.read(
            self._source.connection,
            self._source.generation,
            catalogue=self._source.catalogue,
            only=self._contributions.kinds,
            days=self._days,
            after=seconds[0],
            until=seconds[1],
        )

    async def _count_changes(self, second: int) -> tuple[int, int]:
        """How many have to be looked through of those until a second, and of those after it."""
        return await ledger.counts_around(
            *(self._source.connection, self._source.generation),
            kinds=[kind.name for kind in self._contributions.kinds],
            days=self._days,
            second=second,
        )

    async def _count_facts(self, *, most: int) -> int:
        """What reading the facts would cost, in changes and up to so many; nothing of cells."""
        if self._cells_know:
            return 0
        found = await limits.count_facts(
            self._source,
            self._contributions.kinds,
            question=replace(self._question, as_of=None),
            days=self._days,
            most=most // limits.CHANGES_PER_FACT + 1,
        )
        return found * limits.CHANGES_PER_FACT
