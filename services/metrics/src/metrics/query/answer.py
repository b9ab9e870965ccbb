"""Answers: rows of a KPI for the periods and members asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby

from msgspec import structs

from metrics.engine.expectation import Model
from metrics.engine.kpi import Kpi, Ratio
from metrics.engine.reading import rows_of
from metrics.engine.row import Row
from metrics.engine.shrinkage import shrunken
from metrics.engine.sums import Known, Members
from metrics.query.coverage import outcomes_from
from metrics.query.currencies import rows_in_currency
from metrics.query.gathering import company_sums, gather
from metrics.query.known import read_known
from metrics.query.models import rows_of_model
from metrics.query.outages import without_outages
from metrics.query.question import Question, refuse_too_many_rows
from metrics.query.source import Source
from metrics.query.straddling import without_straddling


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
    known = replace(known, outcomes_from=await outcomes_from(source, question.kpi))
    if question.currency is not None:
        told = await rows_in_currency(source, question, known)
        told = list(await without_straddling(source, question, known=known, rows=told))
        told = list(_without_silent(told)) if question.by else told
        return Answer(question=question, rows=told, known=known, watermark=watermark)
    if isinstance(question.kpi, Model):
        predicted = await rows_of_model(source, question, known)
        return Answer(question=question, rows=predicted, known=known, watermark=watermark)
    sums = await gather(source, question, known)
    refuse_too_many_rows(len(question.periods) * max(1, len(sums.members)))
    rows = list(
        rows_of(
            question.kpi,
            sums,
            by=question.by,
            filtered=question.filters,
            known=known,
            percentile=question.percentile,
            whole=await company_sums(source, question, known),
        )
    )
    rows = list(await without_outages(source, question, known=known, rows=rows))
    rows = list(await without_straddling(source, question, known=known, rows=rows))
    if question.by:
        rows = list(_without_silent(rows))
    if len(question.by) == 1 and _is_share(question.kpi):
        rows = list(_with_shrunken(rows))
    return Answer(question=question, rows=rows, known=known, watermark=watermark)


def _without_silent(rows: Sequence[Row]) -> Iterator[Row]:
    """Drop members that have nothing in any period (their stock ended before the first)."""
    speaking: set[Members] = set()
    for row in rows:
        if row.members not in speaking and row.speaks:
            speaking.add(row.members)
    return (row for row in rows if row.members in speaking)


def _is_share(kpi: Kpi) -> bool:
    """Whether it is one of so many, and no mean of what each of them has a share of."""
    return isinstance(kpi, Ratio) and kpi.rate and kpi.divided_by == 1


def _with_shrunken(rows: Iterable[Row]) -> Iterator[Row]:
    """Rates of the members of each period, as they are to be ranked."""
    for _, of_period in groupby(rows, key=lambda row: row.period):
        members = list(of_period)
        # Without an interval the rate is none of so many: work was taken over from others.
        places = [n for n, row in enumerate(members) if row.interval is not None]
        if len(places) > 1:
            counted = [(members[n].numerator or 0, members[n].denominator or 0) for n in places]
            for place, rate in zip(places, shrunken(counted), strict=True):
                members[place] = structs.replace(members[place], shrunken=rate)
        yield from members
