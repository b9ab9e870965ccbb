"""The data-quality page: what to know before one trusts the figures of a period."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from chassis.auth import require
from chassis.auth.actor import Actor
from chassis.resources import ResourcesDep
from chassis.types import Code, StrictModel
from metrics.api.asking import PeriodLabel, source_of
from metrics.api.coverage import refuse_part_of_the_company
from metrics.api.replies import reply
from metrics.engine.calendar import Grain, Period, parse_period, period_of
from metrics.engine.company import Company, date_of, micros_of
from metrics.engine.kpi import Kpi
from metrics.query.limits import narrowed_by
from metrics.query.quality import Quality, read_quality
from metrics.query.question import KpiNotFound, QuestionRefused
from metrics.query.source import Source

router = APIRouter(prefix="/v1/quality", tags=["kpis"])

MOST_KPIS = 100
MOST_DELTAS = 200_000
"""So many are taken back in seconds for each KPI; beyond, only those asked for by name are read."""


class FactProblem(StrictModel):
    """Facts that a KPI leaves out or counts with doubt; `GET /v1/quarantine` lists them."""

    kind: str
    problem: str
    facts: int


class HeldBackEvents(StrictModel):
    """Events not counted yet: `gap` waits for an earlier one, `held` for one that is parked."""

    topic: str
    reason: str
    events: int
    subjects: int


class StoppedPartition(StrictModel):
    """Nothing of it is read until its cause is mended."""

    topic: str
    partition: int
    reason: str


class SourceFreshness(StrictModel):
    """When a source last said something, and the last of the company's days that it spoke of."""

    source: str
    events: int
    last_on: date
    last_occurred_at: datetime
    last_recorded_at: datetime


class CoverageLine(StrictModel):
    """See `GET /v1/kpis/{id}/coverage`."""

    kpi: str
    coverage_from: date | None
    missing: list[str]


class UnknownLine(StrictModel):
    """How much of a KPI's `n` in the period, summed over a dimension's members, has no member."""

    kpi: str
    dimension: str
    n: float
    unknown: float
    share: float


class RestatementLine(StrictModel):
    """A value as it was known when the period ended, as it is known now, and the change's share.

    The share is of the present value, and null where one of the two is undefined.
    """

    kpi: str
    unit: str
    value_then: float | None
    value_now: float | None
    share: float | None


class DataQuality(StrictModel):
    """The state of the data, and of a period's figures; `unknown` has the largest shares first."""

    period: str
    currency: Annotated[str, Field(description="of values of money, which are in minor units")]
    from_on: date
    to_on: date
    complete: Annotated[bool, Field(description="no event is held back or missing")]
    problems: list[FactProblem]
    held_back: list[HeldBackEvents]
    stopped: list[StoppedPartition]
    sources: list[SourceFreshness]
    coverage: list[CoverageLine]
    unknown: list[UnknownLine]
    restatements: Annotated[
        list[RestatementLine] | None,
        Field(description="null where too much became known since: ask for KPIs by name"),
    ]

    @classmethod
    def of(cls, quality: Quality, company: Company) -> DataQuality:
        period = quality.period
        return cls(
            period=period.label,
            currency=company.base_currency,
            from_on=date_of(period.start),
            to_on=date_of(period.end),
            complete=quality.is_complete,
            problems=[
                FactProblem(kind=one.kind, problem=one.problem, facts=one.facts)
                for one in quality.problems
            ],
            held_back=[
                HeldBackEvents(
                    topic=one.topic, reason=one.reason, events=one.events, subjects=one.subjects
                )
                for one in quality.held_back
            ],
            stopped=[
                StoppedPartition(topic=one.topic, partition=one.partition, reason=one.reason)
                for one in quality.standstills
            ],
            sources=[
                SourceFreshness(
                    source=one.source,
                    events=one.events,
                    last_on=date_of(company.day(micros_of(one.last_occurred_at))),
                    last_occurred_at=one.last_occurred_at,
                    last_recorded_at=one.last_recorded_at,
                )
                for one in quality.sources
            ],
            coverage=[
                CoverageLine(
                    kpi=one.kpi.id,
                    coverage_from=one.since,
                    missing=[event.type.wire_type for event in one.events if not event.arrivals],
                )
                for one in quality.coverage
            ],
            unknown=[
                UnknownLine(
                    kpi=one.kpi.id,
                    dimension=one.dimension,
                    n=one.n,
                    unknown=one.unknown,
                    share=one.share,
                )
                for one in sorted(quality.unknown, key=lambda one: one.share, reverse=True)
            ],
            restatements=None
            if quality.restatements is None
            else [
                RestatementLine(
                    kpi=one.kpi.id,
                    unit=one.kpi.unit,
                    value_then=one.then,
                    value_now=one.now,
                    share=one.share,
                )
                for one in quality.restatements
            ],
        )


@router.get("", response_model=DataQuality)
async def read_data_quality(
    actor: Annotated[Actor, require("kpis:read")],
    request: Request,
    resources: ResourcesDep,
    period: PeriodLabel = None,
    kpi: Annotated[
        list[Code], Query(max_length=MOST_KPIS, description="only these; repeatable")
    ] = [],  # noqa: B006 - FastAPI copies it
) -> Response:
    """Quarantined facts, events held back, freshness, coverage, unknown members, restatements.

    Of a period that is over; by default of the last whole month.
    """
    refuse_part_of_the_company(actor)
    async with source_of(resources) as source:
        today = source.company.day(micros_of(resources.clock.now()))
        asked = _period(period, today, source.company)
        kpis = _kpis(source, kpi)
        most = None if kpi else MOST_DELTAS
        with narrowed_by(field="query.period", hint="ask for another period, or for fewer KPIs"):
            found = await read_quality(source, kpis, period=asked, today=today, most_deltas=most)
    return reply(
        DataQuality.of(found, source.company),
        request=request,
        resources=resources,
        watermark=found.watermark,
    )


def _period(label: str | None, today: int, company: Company) -> Period:
    if label is None:
        return period_of(period_of(today, Grain.MONTH).start - 1, Grain.MONTH)
    try:
        period = parse_period(label, company.first_month)
    except (ValueError, OverflowError):
        raise QuestionRefused(
            "the period cannot be read", field="query.period", hint="write 2026-Q3 or 2026-09"
        ) from None
    if period.end > today:
        raise QuestionRefused(
            "the period is not over",
            field="query.period",
            hint="ask for one that has ended: what is restated shows afterwards",
        )
    return period


def _kpis(source: Source, ids: list[str]) -> list[Kpi]:
    if not ids:
        return list(source.catalogue)
    found = []
    for kpi_id in ids:
        kpi = source.catalogue.get(kpi_id)
        if kpi is None:
            raise KpiNotFound(kpi_id)
        found.append(kpi)
    return found
