"""Days of which nothing is known: a mean over a window that holds one would be too low.

While nothing is missing a day without anybody is a quiet day. While something is held back, or
a partition stands, it may as well be that nothing came.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from msgspec import structs

from metrics.engine.calendar import Grain, periods_between
from metrics.engine.kpi import Amount, Ratio
from metrics.engine.measure import Sum
from metrics.engine.row import Row
from metrics.engine.sums import Known, Spot
from metrics.query.gathering import gather
from metrics.query.question import Question
from metrics.query.source import Source


async def without_outages(
    source: Source, question: Question, *, known: Known, rows: Sequence[Row]
) -> Sequence[Row]:
    """The rows, null where the window of a period holds a day that may be missing."""
    kpi = question.kpi
    if not isinstance(kpi, Ratio) or kpi.every_day is None or known.complete:
        return rows
    window = max(term.days for term in kpi.numerator.terms)
    silent = await _silent_days(source, question, known, daily=kpi.every_day, window=window)

    def is_whole(row: Row) -> bool:
        return not any(row.period.end - window <= day < row.period.end for day in silent)

    return [
        row
        if is_whole(row)
        else structs.replace(row, value=None, interval=None, reason="incomplete")
        for row in rows
    ]


async def _silent_days(
    source: Source, question: Question, known: Known, *, daily: Sum, window: int
) -> list[int]:
    """The days in the windows on which there was nobody in the whole company."""
    start = question.periods[0].end - window
    end = max(start + 1, known.end_of(replace(question.periods[-1], start=start)))
    days = tuple(periods_between(start, end, Grain.DAY))
    asked = replace(
        question,
        kpi=question.kpi.part(Amount, value=daily, n=daily),
        grain=Grain.DAY,
        periods=days,
        by=(),
        filters={},
    )
    sums = await gather(source, asked, known)
    return [
        day.start for place, day in enumerate(days) if not Spot(sums, (), place, known).read(daily)
    ]
