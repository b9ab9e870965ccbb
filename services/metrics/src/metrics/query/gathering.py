"""Gathering the sums of a question, from wherever they are kept.

Cells know one dimension at a time, by the members of each day, and lack what is pending.
Where they cannot know, the facts are asked. As of an instant it is the ledger that knows:
what became known since is taken back from the cells, or what was known is added up.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from metrics.engine.changes import Delta
from metrics.engine.dimension import in_order, parted, slice_number
from metrics.engine.kpi import Forecast
from metrics.engine.measure import Measure
from metrics.engine.presence import Presence
from metrics.engine.pricing import Prices
from metrics.engine.sums import Known, Sums
from metrics.query.contributions import Contributions, measures_of, until_of
from metrics.query.question import Question
from metrics.query.scan import since_of, speaking_facts
from metrics.query.source import Source
from metrics.store import cells, ledger, pending


async def gather(source: Source, question: Question, known: Known) -> Sums:
    """The sums that an answer is read from."""
    gathering = _Gathering(
        source, question, known=known, prices=await read_prices(source, question)
    )
    second = question.as_of
    if question.today or only_facts_know(question):
        await gathering.add_facts()
    elif len(question.dimensions) <= 1 or is_crossed(question):
        await gathering.add_cells()
        await gathering.add_pending(until=second)
        if second is not None:
            await gathering.take_back_what_became_known_after(second)
    elif second is None:
        await gathering.add_facts()
    else:
        await gathering.add_what_was_known_at(second)
        await gathering.add_pending(until=second)
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
    facts = speaking_facts(source, along, question=question, days=days)
    async for _, moments in facts:
        said += [moment for moment in moments if moment.kind in along]
    return Prices(said, along=along)


class _Gathering:
    def __init__(self, source: Source, question: Question, *, known: Known, prices: Prices) -> None:
        self._source = source
        self._question = question
        self._prices = prices
        self._until = until_of(question, known)
        self._since = since_of(question)
        self._contributions = Contributions(question, known, prices)
        self.sums = self._contributions.new_sums()

    async def add_cells(self) -> None:
        question = self._question
        wanted = measures_of(question)
        await self._add_plain_cells([m for m in wanted if m.price is None])
        for along in {m.price.along for m in wanted if m.price}:
            of_along = [m for m in wanted if m.price and m.price.along == along]
            await self._add_priced_cells(of_along, along)

    async def _add_plain_cells(self, wanted: Sequence[Measure]) -> None:
        question = self._question
        rows = await self._read_cells(
            wanted, dimensions=question.dimensions, bounds=self.sums.bounds
        )
        for measures, stretch, member, bin_, amounts in rows:
            members = self._members_of(member)
            if members is None:
                continue
            for measure, amount in zip(measures, amounts, strict=True):
                self.sums.add(measure, stretch, members=members, bin_=bin_, amount=amount)

    async def _add_priced_cells(self, wanted: Sequence[Measure], along: str) -> None:
        """Day by day, since a price can change on any."""
        days = range(self._since, self._until)
        rows = await self._read_cells(wanted, dimensions=[along], bounds=days)
        for measures, place_of_day, member, bin_, quantities in rows:
            day = days[place_of_day - 1]
            stretch = bisect_right(self.sums.bounds, day)
            members = (member,) if self._question.by else ()
            for measure, quantity in zip(measures, quantities, strict=True):
                amount = self._prices.amount(measure, quantity, member=member, day=day)
                self.sums.add(measure, stretch, members=members, bin_=bin_, amount=amount)

    def _members_of(self, member: str) -> tuple[str, ...] | None:
        """What a cell's member is along the dimensions that the answer is broken down by; None
        where it does not pass the filters.
        """
        asked, filters = self._question.dimensions, self._question.filters
        if len(asked) < 2:
            return (member,) if self._question.by else ()
        named = dict(zip(in_order(asked), parted(member), strict=True))
        if any(named[name] not in wanted for name, wanted in filters.items()):
            return None
        return tuple(named[name] for name in self._question.by)

    async def _read_cells(
        self, wanted: Sequence[Measure], *, dimensions: Sequence[str], bounds: Sequence[int]
    ) -> Iterator[tuple[Sequence[Measure], int, str, int, Sequence[int]]]:
        """Measures, stretch, member, bin, and what each of the measures sums up to there."""
        addresses = self._source.catalogue.layout.addresses
        by_cube: dict[int, list[tuple[Measure, int]]] = {}
        for measure in wanted:
            address = addresses[measure.quantity]
            by_cube.setdefault(address.cube, []).append((measure, address.place))
        if not by_cube:
            return iter(())
        filters = self._question.filters
        rows = await cells.read_sums(
            self._source.connection,
            self._source.generation,
            places={cube: [place for _, place in found] for cube, found in by_cube.items()},
            dimension=slice_number(dimensions),
            # Of two dimensions at once the members are told apart when they are read.
            members=None if len(dimensions) > 1 else next(iter(filters.values()), None),
            bounds=bounds,
            since=self._since,
            until=self._until,
        )
        return (
            ([measure for measure, _ in by_cube[cube]], stretch, member, bin_, amounts)
            for cube, stretch, member, bin_, *amounts in rows
        )

    async def add_pending(self, *, until: int | None) -> None:
        deltas = await pending.read(
            self._source.connection,
            self._source.generation,
            catalogue=self._source.catalogue,
            only=self._contributions.kinds,
        )
        self._add(delta for delta in deltas if until is None or delta.second <= until)

    async def take_back_what_became_known_after(self, second: int) -> None:
        self._add(await self._ledger(after=second), sign=-1)

    async def add_what_was_known_at(self, second: int) -> None:
        self._add(await self._ledger(until=second))

    async def add_facts(self) -> None:
        """From the facts themselves, as of the question's instant if it names one."""
        contributions = self._contributions
        facts = speaking_facts(
            self._source,
            contributions.kinds,
            question=self._question,
            days=(self._since, self._until),
        )
        async for _, moments in facts:
            contributions.add_fact(moments, self.sums)

    def _add(self, deltas: Iterable[Delta], *, sign: int = 1) -> None:
        counted = ((moment, sign * times) for _, moment, times in deltas)
        self._contributions.add(counted, self.sums)

    async def _ledger(self, **seconds: int) -> list[Delta]:
        return await ledger.read(
            self._source.connection,
            self._source.generation,
            catalogue=self._source.catalogue,
            only=self._contributions.kinds,
            days=(self._since, self._until),
            **seconds,
        )
