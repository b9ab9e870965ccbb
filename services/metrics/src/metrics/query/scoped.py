"""Facts of a scope: read once, however many questions of one request are answered from them.

A diagnosis of one dimension is answered from cells. Of several at once only facts know, and it
asks a dozen questions of the same ones.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from metrics.engine.calendar import Period
from metrics.engine.moment import Moment, MomentKind
from metrics.engine.slicing import passing
from metrics.engine.sums import Sums
from metrics.engine.told import ToldKind
from metrics.facts import BUYERS, TOLD_KINDS, moments_of
from metrics.query.contributions import Contributions
from metrics.query.limits import refuse_large_scope
from metrics.query.question import Question
from metrics.query.scan import fact_kinds_of, said_by_facts
from metrics.query.source import Source
from metrics.store import facts, told
from metrics.store.marks import Filters

_Said = Mapping[MomentKind, Sequence[Sequence[Moment]]]
"""By kind of moment, what each fact that says it says of it."""


class _Kept(NamedTuple):
    periods: frozenset[Period]
    said: _Said


class ScopedFacts:
    """What facts say now that passes some filters, by kind of fact.

    Told facts have something to say of every period: it is kept of those that are asked for, at
    once of `periods`.
    """

    def __init__(self, filters: Filters, *, periods: Iterable[Period]) -> None:
        self._filters = filters
        self._passes = passing(filters)
        self._periods = frozenset(periods)
        self._kept: dict[str, _Kept] = {}

    def know(self, question: Question) -> bool:
        now = question.as_of is None and not question.today
        return now and question.filters == self._filters

    async def add(
        self, contributions: Contributions, *, to: Sums, source: Source, periods: Sequence[Period]
    ) -> None:
        """Needs a transaction. Raises TooMuchToRead."""
        kinds = contributions.kinds
        for name in fact_kinds_of(kinds):
            said = await self._said(source, name, periods)
            for kind in said_by_facts(kinds):
                for moments in said.get(kind, ()):
                    contributions.add_fact(moments, to)

    async def _said(self, source: Source, name: str, periods: Sequence[Period]) -> _Said:
        kind = TOLD_KINDS.get(name)
        wanted = frozenset[Period]() if kind is None else self._periods.union(periods)
        kept = self._kept.get(name)
        if kept is None or not wanted <= kept.periods:
            await refuse_large_scope(source, name, self._filters)
            reading = self._of(source, name) if kind is None else self._told(source, kind, wanted)
            kept = _Kept(wanted, await self._by_kind(reading))
            self._kept[name] = kept
        return kept.said

    async def _of(self, source: Source, kind: str) -> AsyncIterator[Sequence[Moment]]:
        states = facts.states(
            source.connection, source.generation, kind=kind, filters=self._filters
        )
        async for state in states:
            yield moments_of(kind, state, source.company)

    async def _told(
        self, source: Source, kind: ToldKind, periods: Collection[Period]
    ) -> AsyncIterator[Sequence[Moment]]:
        of_periods = sorted(periods)
        reading = told.records(
            source.connection, source.generation, kind=kind, filters=self._filters
        )
        async for records in reading:
            yield kind.moments_in(of_periods, records, source.company, passes=self._passes)

    async def _by_kind(self, reading: AsyncIterator[Sequence[Moment]]) -> _Said:
        found: dict[MomentKind, list[Sequence[Moment]]] = {}
        async for moments in reading:
            of_fact: dict[MomentKind, list[Moment]] = {}
            for moment in moments:
                if self._passes(moment.cut):
                    of_fact.setdefault(moment.kind, []).append(moment)
            for kind, said in of_fact.items():
                found.setdefault(kind, []).append(said)
        return found


async def said_by_buyers(
    source: Source, question: Question, periods: Sequence[Period]
) -> AsyncIterator[Sequence[Moment]]:
    """What each buyer of a question's scope says, of whatever periods; as of its instant.

    Needs a transaction. Raises TooMuchToRead.
    """
    await refuse_large_scope(source, BUYERS.name, question.filters)
    reading = told.records(
        source.connection,
        source.generation,
        kind=BUYERS,
        filters=question.filters,
        until=question.as_of,
    )
    passes = passing(question.filters)
    async for records in reading:
        yield BUYERS.moments_in(periods, records, source.company, passes=passes)
