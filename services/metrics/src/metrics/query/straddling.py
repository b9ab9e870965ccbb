"""Cohorts that began before it is known what becomes of anybody: of a part nobody can tell.

A rate over all of them would count as lost whoever had gone before the telling began.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from msgspec import structs

from metrics.engine.calendar import Grain, Period
from metrics.engine.kpi import Amount, Ratio
from metrics.engine.row import Reason, Row
from metrics.engine.sums import Known, Members, Spot
from metrics.query.gathering import gather
from metrics.query.question import Question
from metrics.query.source import Source

_UNTOLD: Final[Reason] = "incomplete"


async def without_straddling(
    source: Source, question: Question, *, known: Known, rows: Sequence[Row]
) -> Sequence[Row]:
    """The rows, null where a cohort has members from before its outcomes are told of."""
    first = known.outcomes_from
    cut = [period for period in question.periods if period.start < first < period.end]
    if not cut or not isinstance(question.kpi, Ratio):
        return rows
    [period] = cut
    early = await _members_before(source, question, known, days=(period.start, first))
    width = len(question.by)
    return [
        structs.replace(row, value=None, interval=None, reason=_UNTOLD)
        if row.period == period and row.reason is None and row.members[:width] in early
        else row
        for row in rows
    ]


async def _members_before(
    source: Source, question: Question, known: Known, *, days: tuple[int, int]
) -> set[Members]:
    """Whose cohort has anything on those days."""
    assert isinstance(question.kpi, Ratio)
    cohort = question.kpi.sums_by(question.dimensions)["denominator"]
    asked = replace(
        question,
        kpi=question.kpi.part(Amount, value=cohort, n=cohort),
        grain=Grain.DAY,
        periods=(Period(*days, Grain.DAY),),
        currency=None,
    )
    sums = await gather(source, asked, known)
    return {
        members for members in sums.members | {()} if Spot(sums, members, 0, known).read(cohort)
    }
