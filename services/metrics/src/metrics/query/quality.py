"""How good the data behind the figures are: of a period, KPI by KPI."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from events.types import UNKNOWN
from metrics.engine.calendar import Period
from metrics.engine.company import SECOND
from metrics.engine.kpi import Amount, Kpi, Quantile, Ratio
from metrics.engine.measure import COUNT_SCALE
from metrics.engine.row import Row
from metrics.engine.sums import Known, Spot
from metrics.query.answer import answers
from metrics.query.coverage import Coverage, coverage_of, moment_kinds
from metrics.query.known import CONSUMER, read_known
from metrics.query.question import Asked, Question, QuestionRefused, read_question
from metrics.query.source import Source
from metrics.query.together import gather_together
from metrics.store import coverage, quality
from metrics.store.coverage import Arrivals
from metrics.store.quality import HeldBack, Problem, Standstill

_NEVER_CHANGED: Final = 0.0


@dataclass(frozen=True, kw_only=True)
class Freshness:
    """When a source last said something, and what is the latest that it spoke of."""

    source: str
    events: int
    last_occurred_at: datetime
    last_recorded_at: datetime


@dataclass(frozen=True, kw_only=True)
class UnknownShare:
    """How much of a KPI's `n`, summed over a dimension's members, has no member."""

    kpi: Kpi
    dimension: str
    n: float
    unknown: float

    @property
    def share(self) -> float:
        return self.unknown / self.n


@dataclass(frozen=True, kw_only=True)
class Restatement:
    """A KPI's value of a period as it was known when the period ended, and as it is known now.

    `share` is the change as a part of the present value; None where one of them is undefined
    or the present one is 0 while the other is not.
    """

    kpi: Kpi
    then: float | None
    now: float | None

    @property
    def share(self) -> float | None:
        if self.then == self.now:
            return _NEVER_CHANGED
        if self.then is None or not self.now:
            return None
        return abs(self.now - self.then) / abs(self.now)


@dataclass(frozen=True, kw_only=True)
class Quality:
    """Everything that a reader should know before he trusts the figures of a period."""

    period: Period
    is_complete: bool
    watermark: datetime | None
    problems: Sequence[Problem]
    held_back: Sequence[HeldBack]
    standstills: Sequence[Standstill]
    sources: Sequence[Freshness]
    coverage: Sequence[Coverage]
    unknown: Sequence[UnknownShare]
    restatements: Sequence[Restatement] | None
    """None where too much became known since to read it for all KPIs."""


async def read_quality(
    source: Source,
    kpis: Collection[Kpi],
    *,
    period: Period,
    today: int,
    most_deltas: int | None,
) -> Quality:
    """The state of the data. Predictions, and KPIs without values by its grain, have no shares.

    Restatements are not read where more than `most_deltas` have to be taken back for each.
    """
    connection = source.connection
    known, watermark = await read_known(connection, source.company)
    arrived = await coverage.read(connection)
    questions = list(_questions(source, kpis, period, today=today))
    asked = await _rows(source, questions)
    return Quality(
        period=period,
        is_complete=known.complete,
        watermark=watermark,
        problems=await quality.problems(connection, source.generation),
        held_back=await quality.held_back(connection, CONSUMER),
        standstills=await quality.standstills(connection, CONSUMER),
        sources=list(_freshness(arrived)),
        coverage=[coverage_of(kpi, arrived, company=source.company) for kpi in kpis],
        unknown=await _unknown_shares(source, asked, known=known),
        restatements=await _restatements(source, asked, period=period, most_deltas=most_deltas),
    )


def _questions(
    source: Source, kpis: Collection[Kpi], period: Period, *, today: int
) -> Iterator[Question]:
    for kpi in kpis:
        if kpi.kind == "model":
            continue  # fitted anew to the whole history at each reading: too much for a page
        try:
            yield read_question(
                kpi.id,
                Asked(period=period.label),
                catalogue=source.catalogue,
                company=source.company,
                today=today,
            )
        except QuestionRefused:
            continue  # it has no values by this grain


def _freshness(arrived: Sequence[Arrivals]) -> Iterator[Freshness]:
    by_source: dict[str, list[Arrivals]] = {}
    for one in arrived:
        by_source.setdefault(one.source, []).append(one)
    for name, of in sorted(by_source.items()):
        yield Freshness(
            source=name,
            events=sum(one.events for one in of),
            last_occurred_at=max(one.last_occurred_at for one in of),
            last_recorded_at=max(one.last_recorded_at for one in of),
        )


async def _unknown_shares(
    source: Source, asked: Sequence[tuple[Question, Row]], *, known: Known
) -> list[UnknownShare]:
    """The dimensions of KPIs of which something is unknown; each row is a value in total."""
    counting = [
        _counting(question, dimension)
        for question, row in asked
        for dimension in _dimensions_with_anything(question.kpi, row)
    ]
    found = await gather_together(source, counting, known)
    shares = []
    for question, sums in zip(counting, found, strict=True):
        total = question.kpi.sums()["n"]
        counts = {
            member: Spot(sums, (member,), 0, known).read(total) or 0 for (member,) in sums.members
        }
        unknown = counts.get(UNKNOWN, 0)
        if unknown:
            shares.append(
                UnknownShare(
                    kpi=source.catalogue[question.kpi.id],
                    dimension=question.by[0],
                    n=sum(counts.values()) / COUNT_SCALE,
                    unknown=unknown / COUNT_SCALE,
                )
            )
    return shares


def _dimensions_with_anything(kpi: Kpi, whole: Row) -> Iterator[str]:
    """Those in which a member could be missing of something; `whole` is the value in total."""
    others = kpi.variants if isinstance(kpi, Ratio) else {}
    return (name for name in kpi.dimensions if whole.speaks or name in others)


def _counting(question: Question, dimension: str) -> Question:
    """What is behind a KPI by a dimension: no more than that is read, for it is asked of all."""
    kpi = question.kpi
    n = kpi.values if isinstance(kpi, Quantile) else kpi.sums_by((dimension,))["n"]
    return replace(question, kpi=kpi.part(Amount, value=n, n=n), by=(dimension,))


async def _restatements(
    source: Source,
    asked: Sequence[tuple[Question, Row]],
    *,
    period: Period,
    most_deltas: int | None,
) -> list[Restatement] | None:
    """What changed of each KPI after the period had ended; those that cannot have are not read."""
    end = source.company.start_of(period.end) // SECOND - 1
    late = await quality.changes_after(
        source.connection, source.generation, end, before_day=period.end
    )
    if most_deltas is not None and late.deltas > most_deltas:
        return None
    touched = [
        replace(question, as_of=end)
        for question, _ in asked
        if any(kind.name in late.kinds for kind in moment_kinds(question.kpi))
    ]
    then = {question.kpi.id: row.value for question, row in await _rows(source, touched)}
    return [
        Restatement(
            kpi=question.kpi,
            then=_number(then.get(question.kpi.id, row.value)),
            now=_number(row.value),
        )
        for question, row in asked
    ]


async def _rows(source: Source, questions: Sequence[Question]) -> list[tuple[Question, Row]]:
    """Each question, whose answer is one row, with that row."""
    found = []
    for one in await answers(source, questions):
        [row] = one.rows
        found.append((one.question, row))
    return found


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)
