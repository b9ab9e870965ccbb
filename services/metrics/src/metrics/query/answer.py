"""Answers: rows of a KPI for the periods and members asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from metrics.engine.kpi import Forecast
from metrics.engine.reading import Row, rows_of
from metrics.engine.sums import Known, Sums
from metrics.query.gathering import gather
from metrics.query.known import read_known
from metrics.query.question import Question, QuestionRefused
from metrics.query.source import Source

MOST_ROWS: Final = 100_000


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Rows by period, and within it by members."""

    question: Question
    rows: Sequence[Row]
    known: Known
    watermark: datetime | None


async def answer(source: Source, question: Question) -> Answer:
    """The answer to a question. Raises QuestionRefused when it has too many rows."""
    known, watermark = await read_known(source.connection, source.company, as_of=question.as_of)
    sums = await gather(source, question, known)
    count = len(question.periods) * max(1, len(sums.members))
    if count > MOST_ROWS:
        raise QuestionRefused(
            f"the answer would have {count} rows, more than {MOST_ROWS}",
            field="query.by",
            hint="ask for a shorter range, a longer grain, or a filter",
        )
    rows = list(
        rows_of(
            question.kpi,
            sums,
            by=question.by,
            filtered=question.filters,
            known=known,
            percentile=question.percentile,
            whole=await _gather_company(source, question, known),
        )
    )
    if question.by:
        rows = list(_without_silent(rows))
    return Answer(question=question, rows=rows, known=known, watermark=watermark)


async def _gather_company(source: Source, question: Question, known: Known) -> Sums | None:
    """What a forecast takes its shares from."""
    if not isinstance(question.kpi, Forecast):
        return None
    shares = replace(question, kpi=question.kpi.shares(), by=(), filters={})
    return await gather(source, shares, known)


def _without_silent(rows: Sequence[Row]) -> Iterator[Row]:
    """Drop members that have nothing in any period (their stock ended before the first)."""
    speaking = {row.members for row in rows if _speaks(row)}
    return (row for row in rows if row.members in speaking)


def _speaks(row: Row) -> bool:
    return bool(row.n or row.numerator or row.denominator or row.unpriced_count)
