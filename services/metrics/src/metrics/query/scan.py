"""Facts that can stand behind a value, with what they say: now, or as known at an instant."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from typing import Any, Final

from events import Connection
from metrics.engine.company import SECOND, Company
from metrics.engine.entry import Entry, in_order
from metrics.engine.fact import FactKind, Ref, timeline
from metrics.engine.kpi import Kpi
from metrics.engine.measure import Reading
from metrics.engine.moment import Moment
from metrics.facts import FACT_KINDS
from metrics.query.question import Question
from metrics.store import facts

_PAGE: Final = 2_000
_FIRST_DAY: Final = -(2**31)

_CANDIDATES: Final = """
SELECT kind, key, body FROM facts
WHERE generation = $1 AND kind = ANY($2::text[]) AND (kind, key) > ($3, $4)
  AND first_on < $5 AND last_on >= $6
ORDER BY kind, key"""


async def speaking_facts(
    connection: Connection,
    generation: int,
    question: Question,
    *,
    company: Company,
    after: Ref | None = None,
) -> AsyncGenerator[tuple[Ref, list[Moment]], None]:
    """The facts with moments before the end of the question's periods, in order of their keys.

    Needs a transaction. As of an instant every fact of the kinds concerned is folded
    anew from the journal: exact, and as slow as the history is long (explanations need it).
    """
    kinds = fact_kinds_of(question.kpi, question.dimensions)
    start = after or Ref("", "")
    if question.as_of is not None:
        pages = facts.with_histories(connection, generation, kinds=kinds, after=start)
        async with aclosing(_known_at(question.as_of, pages)) as known:
            async for ref, entries in known:
                done = timeline(FACT_KINDS[ref.kind], entries, key=ref.key, company=company)
                yield ref, list(done.moments)
        return
    bounds = (question.periods[-1].end, since_of(question))
    rows = connection.cursor(
        _CANDIDATES, generation, kinds, start.kind, start.key, *bounds, prefetch=_PAGE
    )
    async for kind, key, body in rows:
        fact_kind = FACT_KINDS[kind]
        yield Ref(kind, key), fact_kind.moments(facts.decode_fact(kind, body).state, company)


async def _known_at(
    second: int, pages: AsyncIterator[Mapping[Ref, list[Entry]]]
) -> AsyncGenerator[tuple[Ref, list[Entry]], None]:
    """The facts that were known at a second, each with the events that it had then."""
    async for histories in pages:
        for ref, entries in histories.items():
            known = [entry for clock, entry in in_order(entries) if clock // SECOND <= second]
            if known:
                yield ref, known


def fact_kinds_of(kpi: Kpi, dimensions: tuple[str, ...]) -> list[str]:
    """The kinds of facts that can speak of what a KPI sums."""
    moments = {
        term.measure.kind for total in kpi.sums_by(dimensions).values() for term in total.terms
    }

    def speaks(kind: FactKind[Any]) -> bool:
        return any(kind.says(moment) for moment in moments)

    return sorted(name for name, kind in FACT_KINDS.items() if speaks(kind))


def since_of(question: Question) -> int:
    """The first day that counts: that of the first period, or for a stock the first ever."""
    named = question.kpi.sums_by(question.dimensions)
    readings = {term.reading for total in named.values() for term in total.terms}
    if readings & {Reading.AT_START, Reading.AT_END}:
        return _FIRST_DAY
    return question.periods[0].start
