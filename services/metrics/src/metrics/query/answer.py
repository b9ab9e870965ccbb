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
from metrics.engine.sums import Known, Members, Sums
from metrics.query.coverage import outcomes_from
from metrics.query.currencies import rows_in_currency
from metrics.query.gathering import company_sums
from metrics.query.known import read_known
from metrics.query.models import rows_of_model
from metrics.query.outages import without_outages
from metrics.query.question import Question, refuse_too_many_rows
from metrics.query.source import Source
from metrics.query.straddling import without_straddling
from metrics.query.together import gather_together


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Rows by period, and within it by members."""

    question: Question
    rows: Sequence[Row]
    known: Known
    watermark: datetime | None


async def answer(source: Source, question: Question) -> Answer:
    """The answer to a question. Raises QuestionRefused when it has too many rows."""
    [one] = await answers(source, [question])
    return one


async def answers(source: Source, questions: Sequence[Question]) -> list[Answer]:
    """The answers to questions that are all as of one instant, read together where they can be."""
    if not questions:
        return []
    as_of = questions[0].as_of
    known, watermark = await read_known(source.connection, source.company, as_of=as_of)
    added_up = [question for question in questions if _is_added_up(question)]
    sums = iter(await gather_together(source, added_up, known))
    outcomes = await outcomes_from(source, [question.kpi for question in questions])
    found = []
    for question, first in zip(questions, outcomes, strict=True):
        of_kpi = replace(known, outcomes_from=first)
        if _is_added_up(question):
            rows = await _added_up(source, question, next(sums), known=of_kpi)
        else:
            rows = await _worked_out(source, question, known=of_kpi)
        found.append(Answer(question=question, rows=rows, known=of_kpi, watermark=watermark))
    return found


def _is_added_up(question: Question) -> bool:
    return question.currency is None and not isinstance(question.kpi, Model)


async def _worked_out(source: Source, question: Question, *, known: Known) -> Sequence[Row]:
    """Rows that no sums of cells tell: of a model, or in other currencies."""
    if question.currency is None:
        return await rows_of_model(source, question, known)
    told = await rows_in_currency(source, question, known)
    told = list(await without_straddling(source, question, known=known, rows=told))
    return list(_without_silent(told)) if question.by else told


async def _added_up(
    source: Source, question: Question, sums: Sums, *, known: Known
) -> Sequence[Row]:
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
    return rows


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
