"""Facts that can stand behind a value, with what they say: now, or as known at an instant."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import aclosing
from types import MappingProxyType
from typing import Any, Final, TypeVar

import msgspec

from metrics.engine.company import SECOND, Company
from metrics.engine.entry import in_order
from metrics.engine.fact import Ref, timeline
from metrics.engine.measure import Reading
from metrics.engine.moment import Moment, MomentKind
from metrics.engine.presence import Presence
from metrics.engine.selection import Selection
from metrics.facts import ALL_KINDS, FACT_KINDS, TOLD_KINDS, moments_of
from metrics.facts.organisation import PersonKind, TeamKind, organisation_of
from metrics.facts.today import in_todays_members
from metrics.query.question import Question
from metrics.query.source import Source
from metrics.store import facts
from metrics.store.marks import Filters, carrying

Made = TypeVar("Made")

_PAGE: Final = 2_000
_FIRST_DAY: Final = -(2**31)

_CANDIDATES: Final = """
SELECT key, body FROM facts
WHERE generation = $1 AND kind = $2 AND key > $3 AND first_on < $4 AND last_on >= $5 {}
ORDER BY key"""


async def speaking_facts(
    source: Source,
    kinds: Collection[MomentKind],
    *,
    question: Question,
    days: tuple[int, int],
    after: Ref | None = None,
) -> AsyncGenerator[tuple[Ref, list[Moment]], None]:
    """The facts that can say some kinds of moments, with all that they say: see `read_facts`.

    Now and then one is left out of which nothing passes the question's filters.
    """
    reading = read_facts(
        source,
        kinds,
        moments_of,
        question=question,
        days=days,
        filters=question.filters,
        after=after,
    )
    async with aclosing(reading):
        async for one in reading:
            yield one


async def read_facts(
    source: Source,
    kinds: Collection[MomentKind],
    says: Callable[[str, Any, Company], Made],
    *,
    question: Question,
    days: tuple[int, int],
    filters: Filters = MappingProxyType({}),
    after: Ref | None = None,
) -> AsyncGenerator[tuple[Ref, Made], None]:
    """What is made of the facts that can say some kinds of moments, by kind and key.

    `says` is given the kind's name and the state, with the members that the question asks for.
    Now: those with moments in `days` (from, before). As of a second: all; those that something
    became known of since are folded anew from the journal. With `filters` those are left out that
    are known never to pass: what a fact had for members earlier, or has today, it does not tell.
    Needs a transaction.
    """
    as_of = question.as_of
    passing = {} if question.today else filters
    belonging = await _belonging(source, question)
    for name in fact_kinds_of(kinds):
        if after is not None and name < after.kind:
            continue
        start = after.key if after is not None and name == after.kind else ""
        if as_of is None:
            states = _now(source, name, days=days, filters=passing, after=start)
        elif name in TOLD_KINDS:
            states = _told_at(source, name, second=as_of, filters=passing, after=start)
        else:
            states = _known_at(source, name, second=as_of, after=start)
        async with aclosing(states):
            async for key, state in states:
                yield Ref(name, key), says(name, belonging(state), source.company)


async def _belonging(source: Source, question: Question) -> Callable[[Any], Any]:
    """Gives a fact's state the members that the question asks for."""
    if not question.today:
        return lambda state: state
    told = {
        kind: [state async for state in read_states(source, kind, as_of=question.as_of)]
        for kind in (PersonKind.name, TeamKind.name)
    }
    organisation = organisation_of(told[PersonKind.name], told[TeamKind.name])
    return lambda state: in_todays_members(state, organisation)


async def read_states(source: Source, kind: str, *, as_of: int | None) -> AsyncGenerator[Any, None]:
    """The states of all facts of a kind, whether they say anything or not. Needs a transaction."""
    if as_of is None:
        async for state in facts.states(source.connection, source.generation, kind=kind):
            yield state
    else:
        async for _, state in _known_at(source, kind, second=as_of, after=""):
            yield state


async def _now(
    source: Source, kind: str, *, days: tuple[int, int], filters: Filters, after: str
) -> AsyncGenerator[tuple[str, Any], None]:
    since, until = days
    condition, marks = carrying(filters, [kind], first=6)
    rows = source.connection.cursor(
        _CANDIDATES.format(condition),
        *(source.generation, kind, after, until, since),
        *marks,
        prefetch=_PAGE,
    )
    async for key, body in rows:
        yield key, facts.decode_fact(kind, body).state


async def _told_at(
    source: Source, kind: str, *, second: int, filters: Filters, after: str
) -> AsyncGenerator[tuple[str, Any], None]:
    condition, marks = carrying(filters, [kind], first=4)
    rows = source.connection.cursor(
        f"SELECT key, body FROM facts WHERE generation = $1 AND kind = $2 AND key > $3{condition}"  # noqa: S608
        " ORDER BY key",
        *(source.generation, kind, after),
        *marks,
        prefetch=_PAGE,
    )
    async for key, body in rows:
        state = facts.decode_fact(kind, body).state
        told = [entry for entry in state.entries if entry[0] <= second]
        if told:
            yield key, msgspec.structs.replace(state, entries=told)


async def _known_at(
    source: Source, kind: str, *, second: int, after: str
) -> AsyncGenerator[tuple[str, Any], None]:
    pages = facts.changed_since(
        source.connection,
        source.generation,
        kind=kind,
        since=(second + 1) * SECOND,
        after=after,
    )
    async for page in pages:
        for ref, kept, entries in page:
            if entries is None:
                yield ref.key, kept.state
                continue
            known = [entry for clock, entry in in_order(entries) if clock // SECOND <= second]
            if known:
                done = timeline(FACT_KINDS[kind], known, key=ref.key, company=source.company)
                yield ref.key, done.fact.state


def fact_kinds_of(kinds: Collection[MomentKind]) -> list[str]:
    """The kinds of facts that can say some kinds of moments, by name."""
    said = said_by_facts(kinds)
    return sorted(n for n, fact in ALL_KINDS.items() if any(fact.says(kind) for kind in said))


def said_by_facts(kinds: Collection[MomentKind]) -> set[MomentKind]:
    """What facts have to say themselves that the engine can say some kinds of moments."""
    return {kind.of if isinstance(kind, Presence | Selection) else kind for kind in kinds}


def since_of(question: Question) -> int:
    """The first day that counts: that of the first period, or for a stock the first ever."""
    named = question.kpi.sums_by(question.dimensions)
    terms = [term for total in named.values() for term in total.terms]
    if any(term.reading in _SINCE_EVER for term in terms):
        return _FIRST_DAY
    trailing = max((term.days for term in terms if term.reading is Reading.TRAILING), default=0)
    before = max((term.days for term in terms if term.reading is Reading.BEFORE), default=0)
    first = question.periods[0]
    return min(first.start - before, first.end - trailing, first.start)


_SINCE_EVER: Final = {Reading.AT_START, Reading.AT_END, Reading.ELAPSED_DAYS}
