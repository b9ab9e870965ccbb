"""Published figures: a closed period's answers, frozen, and how they differ from today's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from msgspec import structs

from chassis.errors import Conflict, NotFound, Unavailable
from metrics.engine.calendar import Period, parse_period
from metrics.engine.company import SECOND, instant_of, micros_of
from metrics.engine.kpi import Kpi
from metrics.engine.row import Row
from metrics.query.answer import Answer, answer
from metrics.query.known import read_known
from metrics.query.question import Asked, Question, QuestionRefused, read_question
from metrics.query.source import Source
from metrics.store import closings
from metrics.store.closings import TOTAL, Closing, PublishedRows

_FIELDS: Final = frozenset(Row.__struct_fields__) - {"period"}


class PeriodNotClosed(NotFound):
    """Nothing was published for the period."""

    title = "the period is not closed"

    def __init__(self, label: str) -> None:
        super().__init__(
            f"no figures of {label} were published", hint=f"POST /v1/periods/{label}/close"
        )


class BeingPublished(Unavailable):
    """The period is closed, and its figures are being written down."""

    title = "the figures are being published"


class PeriodNotOver(Conflict):
    """A period can be closed when all of it is known."""

    title = "the period is not over"


async def close(
    source: Source, period: Period, *, closed_by: str, now: datetime, despite_gaps: bool
) -> Closing:
    """Close a period: its figures are those known in the last second that is wholly counted.

    Raises PeriodNotOver, and UniqueViolationError when two close it at once.
    """
    _, watermark = await read_known(source.connection, source.company)
    # Of the second that is running some events may still be on their way.
    second = micros_of(min(now, watermark or now)) // SECOND - 1
    known, _ = await read_known(source.connection, source.company, as_of=second)
    if not known.covers(period):
        raise PeriodNotOver(
            f"events until the end of {period.label} are not all counted yet",
            hint="wait until the header Tandem-Watermark of an answer is past it",
        )
    if not known.complete and not despite_gaps:
        raise PeriodNotOver(
            "events are held back or missing", hint="see GET /v1/parked, or close despite_gaps"
        )
    return await closings.add(
        source.connection,
        period.label,
        known_at=instant_of(second * SECOND),
        closed_at=now,
        closed_by=closed_by,
        generation=source.generation,
        catalogue_version=source.catalogue.version,
    )


async def publish(source: Source, closing: Closing) -> None:
    """Keep the figures of a closing, as known in its second: it does not matter how much later."""
    period = parse_period(closing.period, source.company.first_month)
    published = [
        await _rows_of(source, question)
        for kpi in source.catalogue
        if period.grain in kpi.grains
        for question in questions_of(source, kpi, period, as_of=closing.known_at)
    ]
    await closings.keep(source.connection, closing, published)


def questions_of(
    source: Source, kpi: Kpi, period: Period, *, as_of: datetime | None = None
) -> list[Question]:
    """A KPI in total, and by each of its dimensions."""
    return [
        read_question(
            kpi.id,
            Asked(period=period.label, by=by, as_of=as_of),
            catalogue=source.catalogue,
            company=source.company,
            today=period.start,
        )
        for by in ((), *((dimension,) for dimension in kpi.dimensions))
    ]


async def _rows_of(source: Source, question: Question) -> PublishedRows:
    rows = (await answer(source, question)).rows
    kept = [{name: getattr(row, name) for name in _FIELDS} for row in rows]
    dimension = question.by[0] if question.by else TOTAL
    return PublishedRows(question.kpi.id, dimension, question.kpi.version, kept)


async def answer_published(source: Source, question: Question) -> Answer:
    """The answer as it was published: of each period the last edition.

    Raises PeriodNotClosed, QuestionRefused.
    """
    dimension, members = _cut_of(question)
    labels = [period.label for period in question.periods]
    closed = await closings.newest(source.connection, labels)
    rows: list[Row] = []
    for period in question.periods:
        if period.label not in closed:
            raise PeriodNotClosed(period.label)
        closing = closed[period.label]
        refuse_unpublished(closing)
        published = await published_rows(
            source, closing, period, kpi_id=question.kpi.id, dimension=dimension
        )
        if published is None:
            raise QuestionRefused(
                f"{question.kpi.id} was not published with edition {closing.edition} of"
                f" {closing.period}",
                field="query.view",
                hint="it was defined later, or without this dimension",
            )
        rows += published
    if members is not None:
        rows = [row for row in rows if row.members[0] in members]
    if not question.by and dimension != TOTAL:
        rows = [_in_total(row) for row in rows]
    known, watermark = await read_known(source.connection, source.company)
    return Answer(question=question, rows=rows, known=known, watermark=watermark)


async def published_at(source: Source, question: Question) -> dict[Period, int]:
    """The second as of which the figures of each period were published."""
    labels = {period.label: period for period in question.periods}
    closed = await closings.newest(source.connection, list(labels))
    return {labels[name]: micros_of(one.known_at) // SECOND for name, one in closed.items()}


def refuse_unpublished(closing: Closing) -> None:
    """Raises BeingPublished."""
    if not closing.is_published:
        raise BeingPublished(
            f"the figures of {closing.period} are being written down", hint="try again in a moment"
        )


def _cut_of(question: Question) -> tuple[str, Sequence[str] | None]:
    """The one dimension that is looked at, and the members that are wanted (None: all)."""
    if question.as_of is not None:
        raise QuestionRefused(
            "published figures are those of one instant already",
            field="query.as_of",
            hint="leave out as_of, or view=published",
        )
    if question.currency is not None:
        raise QuestionRefused(
            "figures are published in base currency",
            field="query.currency",
            hint="leave out currency, or view=published",
        )
    dimensions = question.dimensions
    if len(dimensions) > 1:
        raise QuestionRefused(
            "figures are published in total and by one dimension at a time",
            field="query.by",
            hint="GET /v1/periods names the instant: as_of answers every cut as it was known then",
        )
    if not dimensions:
        return TOTAL, None
    members = question.filters.get(dimensions[0])
    if members is not None and not question.by and len(members) > 1:
        raise QuestionRefused(
            "members together were not published",
            field="query.filter",
            hint="ask for each member, or break down by the dimension",
        )
    return dimensions[0], members


async def published_rows(
    source: Source, closing: Closing, period: Period, *, kpi_id: str, dimension: str
) -> list[Row] | None:
    """Rows of an edition; None when the catalogue had no such KPI then."""
    published = await closings.read(source.connection, closing, kpi=kpi_id, dimension=dimension)
    return None if published is None else [_row(kept, period) for kept in published.rows]


def _row(kept: Mapping[str, Any], period: Period) -> Row:
    """A row as a release keeps it, which may lack what a later one adds."""
    known: dict[str, Any] = {name: kept.get(name) for name in _FIELDS}
    known["members"] = tuple(kept["members"])
    known["interval"] = None if known["interval"] is None else tuple(known["interval"])
    return Row(period=period, **known)


def _in_total(row: Row) -> Row:
    """A row of one member as the answer to a question for nobody else."""
    return structs.replace(row, members=())
