"""How much a question may have looked through, of what cells do not hold added up."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Iterator
from contextlib import aclosing, contextmanager
from typing import Final, TypeVar

from chassis.errors import Invalid
from metrics.engine.moment import MomentKind
from metrics.facts import TOLD_KINDS
from metrics.query.question import Question
from metrics.query.scan import fact_kinds_of
from metrics.query.source import Limits, Source
from metrics.store import facts
from metrics.store.marks import Filters

Read = TypeVar("Read")

USUAL: Final = Limits(facts=200_000, changes=5_000_000)
"""Some twenty seconds of one processor for facts, five for changes."""
CHANGES_PER_FACT: Final = 100
"""So many changes are looked through while a fact is read."""


class TooMuchToRead(Invalid):
    """So many facts or changes stand behind a question that it would keep the service busy."""

    title = "the question asks for too much at once"


async def refuse_too_many_facts(
    source: Source, kinds: Collection[MomentKind], *, question: Question, days: tuple[int, int]
) -> None:
    """Raises TooMuchToRead. As of an instant every fact has to be looked at, whatever its days."""
    if source.limits is None:
        return
    most = source.limits.facts
    found = await count_facts(source, kinds, question=question, days=days, most=most + 1)
    if found > most:
        raise _too_many_facts(question, most)


async def refuse_large_scope(source: Source, kind: str, filters: Filters) -> None:
    """Raises TooMuchToRead: a scope has so many facts of a kind, of whatever days."""
    if source.limits is None:
        return
    most = source.limits.facts
    found = await facts.count_of(
        source.connection,
        source.generation,
        kinds=[kind],
        days=None,
        filters=filters,
        most=most + 1,
    )
    if found > most:
        raise TooMuchToRead(
            f"there are more than {most} facts of kind {kind} in the scope", hint="limit it further"
        )


async def no_more_than_usual(
    source: Source, question: Question, reading: AsyncGenerator[Read, None]
) -> AsyncGenerator[Read, None]:
    """What is read of facts for one page of an answer. Raises TooMuchToRead.

    Pages are read in turn, so that it does not matter how many there are: only how many facts
    are passed over until a page is full.
    """
    looked = 0
    async with aclosing(reading):
        async for one in reading:
            looked += 1
            if source.limits is not None and looked > source.limits.facts:
                raise _too_many_facts(question, source.limits.facts)
            yield one


def refuse_too_many_changes(source: Source, changes: int) -> None:
    """Raises TooMuchToRead."""
    if source.limits is not None and changes > source.limits.changes:
        raise TooMuchToRead(
            f"as of that instant {changes} changes have to be looked through, more than"
            f" {source.limits.changes}",
            field="query.as_of",
            hint="ask for a shorter range, or another instant, or by one dimension",
        )


async def count_facts(
    source: Source,
    kinds: Collection[MomentKind],
    *,
    question: Question,
    days: tuple[int, int],
    most: int,
) -> int:
    """How many facts have to be read, counted up to `most`: see `read_facts`."""
    now, names = question.as_of is None, fact_kinds_of(kinds)
    by_marks = not question.today and (now or TOLD_KINDS.keys() >= set(names))
    return await facts.count_of(
        source.connection,
        source.generation,
        kinds=names,
        days=days if now else None,
        filters=question.filters if by_marks else {},
        most=most,
    )


@contextmanager
def narrowed_by(*, field: str, hint: str) -> Iterator[None]:
    """Says what to narrow in words of who asked, where several questions are asked for him."""
    try:
        yield
    except TooMuchToRead as refused:
        raise TooMuchToRead(refused.detail, field=field, hint=hint) from None


def _too_many_facts(question: Question, most: int) -> TooMuchToRead:
    return TooMuchToRead(
        f"the answer is read from single facts, and there are more than {most}",
        field="query.from" if question.as_of is None else "query.as_of",
        hint=f"ask {', or '.join(_narrower(question))}",
    )


def _narrower(question: Question) -> list[str]:
    ways = ["for a shorter range"] if question.as_of is None else ["without as_of"]
    if len(question.dimensions) > 1:
        ways.append("for one dimension")
    if question.today:
        ways.append("without view=current")
    if question.currency is not None:
        ways.append("without currency")
    return ways
