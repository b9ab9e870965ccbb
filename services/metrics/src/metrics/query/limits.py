"""How much a question may have looked through, of what cells do not hold added up."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from chassis.errors import Invalid
from metrics.engine.moment import MomentKind
from metrics.query.question import Question
from metrics.query.scan import fact_kinds_of
from metrics.query.source import Limits, Source
from metrics.store import facts, ledger

USUAL: Final = Limits(facts=200_000, changes=5_000_000)
"""Some twenty seconds of one processor for facts, five for changes."""


class TooMuchToRead(Invalid):
    """So many facts or changes stand behind a question that it would keep the service busy."""

    title = "the question asks for too much at once"


async def refuse_too_many_facts(
    source: Source, kinds: Collection[MomentKind], *, question: Question, days: tuple[int, int]
) -> None:
    """Raises TooMuchToRead. As of an instant every fact has to be looked at, whatever its days."""
    if source.limits is None:
        return
    found = await facts.count_of(
        source.connection,
        source.generation,
        kinds=fact_kinds_of(kinds),
        days=None if question.as_of is not None else days,
        most=source.limits.facts + 1,
    )
    if found > source.limits.facts:
        raise TooMuchToRead(
            f"the answer is read from single facts, and there are more than {source.limits.facts}",
            field="query.from" if question.as_of is None else "query.as_of",
            hint=f"ask {', or '.join(_narrower(question))}",
        )


async def refuse_too_many_changes(
    source: Source,
    kinds: Collection[MomentKind],
    *,
    days: tuple[int, int],
    seconds: tuple[int, int],
) -> None:
    """Raises TooMuchToRead. `seconds` are those after which, and until which they became known."""
    if source.limits is None:
        return
    found = await ledger.count_of(
        source.connection,
        source.generation,
        kinds=[kind.name for kind in kinds],
        days=days,
        seconds=seconds,
    )
    if found > source.limits.changes:
        raise TooMuchToRead(
            f"as of that instant {found} changes have to be looked through, more than"
            f" {source.limits.changes}",
            field="query.as_of",
            hint="ask for a shorter range, or a later instant, or by one dimension",
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
