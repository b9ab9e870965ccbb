"""Gathering the sums of a question, from wherever they are kept.

Cells know one dimension at a time, and lack what is pending. Where several dimensions
are asked for, the facts are asked. As of an instant it is the ledger that knows: what
became known since is taken back from the cells, or what was known is added up.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from events import Connection
from metrics.engine.catalogue import Catalogue
from metrics.engine.changes import Delta
from metrics.engine.company import Company
from metrics.engine.dimension import NUMBERS, TOTAL
from metrics.engine.measure import Measure
from metrics.engine.sums import Known, Sums
from metrics.query.contributions import Contributions, measures_of, until_of
from metrics.query.question import Question
from metrics.query.scan import since_of, speaking_facts
from metrics.store import cells, ledger, pending


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where answers come from: one snapshot of the database, read with one catalogue."""

    connection: Connection
    company: Company
    catalogue: Catalogue
    generation: int


async def gather(source: Source, question: Question, known: Known) -> Sums:
    """The sums that an answer is read from."""
    gathering = _Gathering(source, question, known)
    second = question.as_of
    if len(question.dimensions) <= 1:
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


class _Gathering:
    def __init__(self, source: Source, question: Question, known: Known) -> None:
        self.sums = Sums(question.periods, source.catalogue.layout)
        self._source = source
        self._question = question
        self._until = until_of(question, known)
        self._since = since_of(question)
        self._contributions = Contributions(question, known, source.catalogue)

    async def add_cells(self) -> None:
        question = self._question
        wanted = measures_of(question)
        addresses = self._source.catalogue.layout.addresses
        by_cube: dict[int, list[Measure]] = {}
        for measure in wanted:
            by_cube.setdefault(addresses[measure].cube, []).append(measure)
        rows = await cells.read_sums(
            self._source.connection,
            self._source.generation,
            cubes=sorted(by_cube),
            dimension=NUMBERS[question.dimensions[0]] if question.dimensions else TOTAL,
            members=next(iter(question.filters.values()), None),
            bounds=[period.start for period in question.periods],
            since=self._since,
            until=self._until,
        )
        for cube, bucket, member, bin_, *vector in rows:
            members = (member,) if question.by else ()
            for measure in by_cube[cube]:
                address = addresses[measure]
                amount = vector[address.place]
                self.sums.add(address, bucket, members=members, bin_=bin_, amount=amount)

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
        source = self._source
        facts = speaking_facts(
            source.connection, source.generation, self._question, company=source.company
        )
        async for _, moments in facts:
            self._contributions.add(((moment, 1) for moment in moments), self.sums)

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
