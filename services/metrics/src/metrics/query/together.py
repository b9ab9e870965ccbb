"""Sums of many questions at once: those that look at the same days are read together.

A page about every KPI is some hundreds of questions. Each alone costs as much for asking as for
what is read; together they are a few, and a cube that several of them share is read once.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace

from metrics.engine.kpi import Inputs, Ratio
from metrics.engine.sums import Known, Sums
from metrics.query.contributions import measures_of
from metrics.query.gathering import gather, only_facts_know
from metrics.query.question import Question
from metrics.query.scan import since_of
from metrics.query.source import Source


async def gather_together(
    source: Source, questions: Sequence[Question], known: Known
) -> list[Sums]:
    """The sums of each question, in their order; some share them, and find more than they need."""
    groups: dict[Hashable, list[int]] = {}
    for place, question in enumerate(questions):
        way = _way(question)
        groups.setdefault(place if way is None else way, []).append(place)
    found: dict[int, Sums] = {}
    for places in groups.values():
        sums = await gather(source, _joined([questions[place] for place in places]), known)
        found.update(dict.fromkeys(places, sums))
    return [found[place] for place in range(len(questions))]


def _way(question: Question) -> Hashable | None:
    """What questions that are read together have in common; None for one that is read alone.

    From which day on is a part of it, as a stock is read since ever and a flow is not.
    """
    kpi, measures = question.kpi, measures_of(question)
    alone = (
        only_facts_know(question)
        or any(measure.price or measure.crossing for measure in measures)
        or (isinstance(kpi, Ratio) and kpi.only_past_days)
    )
    if alone:
        return None
    filters = tuple(sorted(question.filters.items()))
    whole = question.periods, question.by, filters, question.as_of, question.today
    return *whole, since_of(question)


def _joined(questions: Sequence[Question]) -> Question:
    """One question for the sums of them all."""
    first = questions[0]
    if len(questions) == 1:
        return first
    parts = {
        f"{place}.{name}": total
        for place, question in enumerate(questions)
        for name, total in question.kpi.sums_by(question.dimensions).items()
    }
    together = Inputs(id="together", dimensions=first.kpi.dimensions, parts=parts)
    return replace(first, kpi=together)
