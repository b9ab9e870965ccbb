"""Facts of a scope: read once, however many questions of one request are answered from them.

A diagnosis of one dimension is answered from cells. Of several at once only facts know, and it
asks a dozen questions of the same ones.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from typing import Any, NamedTuple

from metrics.engine.calendar import Period
from metrics.engine.dimension import NUMBERS, Cut
from metrics.engine.moment import Moment
from metrics.engine.told import ToldKind, records_until
from metrics.facts import BUYERS, TOLD_KINDS, moments_of
from metrics.query.limits import refuse_large_scope
from metrics.query.question import Question
from metrics.query.source import Source
from metrics.store import facts
from metrics.store.marks import Filters

_FOR_EVER = 2**62


class _Kept(NamedTuple):
    periods: frozenset[Period]
    said: Sequence[Sequence[Moment]]


class ScopedFacts:
    """What facts say now that passes some filters, by kind of fact.

    Told facts have something to say of every period: it is kept of those that are asked for, at
    once of `periods`.
    """

    def __init__(self, filters: Filters, *, periods: Iterable[Period]) -> None:
        self._filters = filters
        self._wanted = [(NUMBERS[name] - 1, set(members)) for name, members in filters.items()]
        self._periods = frozenset(periods)
        self._kept: dict[str, _Kept] = {}

    def know(self, question: Question) -> bool:
        now = question.as_of is None and not question.today
        return now and question.filters == self._filters

    async def said(
        self, source: Source, kind: str, periods: Sequence[Period]
    ) -> Sequence[Sequence[Moment]]:
        """What each fact of a kind says. Needs a transaction. Raises TooMuchToRead."""
        told = TOLD_KINDS.get(kind)
        wanted = frozenset[Period]() if told is None else self._periods.union(periods)
        kept = self._kept.get(kind)
        if kept is None or not wanted <= kept.periods:
            await refuse_large_scope(source, kind, self._filters)
            reading = self._of(source, kind) if told is None else self._told(source, told, wanted)
            kept = _Kept(wanted, [said async for said in reading if said])
            self._kept[kind] = kept
        return kept.said

    async def _of(self, source: Source, kind: str) -> AsyncIterator[Sequence[Moment]]:
        async for state in self._states(source, kind):
            yield self._passing(moments_of(kind, state, source.company))

    async def _told(
        self, source: Source, kind: ToldKind, periods: Collection[Period]
    ) -> AsyncIterator[Sequence[Moment]]:
        async for state in self._states(source, kind.name):
            # To find that nothing passes costs less than all that it would say.
            if any(map(self._passes, kind.cuts_of(state))):
                records = records_until(state.entries, _FOR_EVER)
                yield self._passing(kind.moments_in(sorted(periods), records, source.company))

    def _states(self, source: Source, kind: str) -> AsyncIterator[Any]:
        return facts.states(source.connection, source.generation, kind=kind, filters=self._filters)

    def _passing(self, moments: Sequence[Moment]) -> Sequence[Moment]:
        return [moment for moment in moments if self._passes(moment.cut)]

    def _passes(self, cut: Cut) -> bool:
        for place, wanted in self._wanted:
            member = cut[place]
            if member is None or isinstance(member, str):
                if member not in wanted:
                    return False
            elif not any(name in wanted for name, _ in member):
                return False
        return True


async def said_by_buyers(
    source: Source, question: Question, periods: Sequence[Period]
) -> AsyncIterator[Sequence[Moment]]:
    """What each buyer of a question's scope says, of whatever periods; as of its instant.

    Needs a transaction. Raises TooMuchToRead.
    """
    if source.scoped is not None and source.scoped.know(question):
        for moments in await source.scoped.said(source, BUYERS.name, periods):
            yield moments
        return
    await refuse_large_scope(source, BUYERS.name, question.filters)
    second = _FOR_EVER if question.as_of is None else question.as_of
    rows = facts.states(
        source.connection, source.generation, kind=BUYERS.name, filters=question.filters
    )
    async for state in rows:
        records = records_until(state.entries, second)
        yield BUYERS.moments_in(periods, records, source.company)
