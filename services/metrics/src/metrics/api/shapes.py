"""Shapes of KPIs over HTTP: what a front end draws without arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from chassis.auth import require
from chassis.auth.actor import Actor
from chassis.resources import ResourcesDep
from chassis.types import Code, StrictModel
from metrics.api.asking import AskedDep, MembersView, question_of, source_of
from metrics.api.replies import reply
from metrics.api.views import KpiHead, Number, head_of
from metrics.engine.cohort import Curve, Funnel
from metrics.engine.company import date_of
from metrics.engine.kpi import Amount, Kpi, Quantile
from metrics.engine.sums import Known
from metrics.engine.units import counted
from metrics.query import shapes
from metrics.query.answer import Answer
from metrics.query.known import read_known
from metrics.query.question import Asked, Question, QuestionRefused
from metrics.query.shapes import Shape, refuse_other_shape
from metrics.query.source import Source

router = APIRouter(prefix="/v1/kpis", tags=["kpis"])

Reader = Annotated[Actor, require("kpis:read")]


class AgeOfCohort(StrictModel):
    """What share of a cohort was there; null until the period of that age is over."""

    age: int
    value: float | None
    count: Number


class CohortOfTriangle(StrictModel):
    """A row of a triangle: `n` began in the period."""

    period: str
    from_on: date
    to_on: date
    n: Number
    ages: list[AgeOfCohort]


class StepOfFunnel(StrictModel):
    """How many came to a step or further; rates are null until the cohort is mature."""

    step: int
    won: Annotated[bool, Field(description="the last step; the others are open stages by rank")]
    count: Number
    from_previous: float | None
    from_first: float | None


class BucketOfAge(StrictModel):
    """What is there since so many days; `until_days` is included, null for the last."""

    from_days: int
    until_days: int | None
    value: Number
    n: Number
    unpriced_count: Number


class StepOfSurvival(StrictModel):
    """`share` goes on after so many days; `at_risk` had lasted until then."""

    day: int
    at_risk: Number
    ended: Number
    share: float


class SurvivalCurve(StrictModel):
    """Kaplan-Meier: `ended` in the period, `going_on` at its end; `median` null if not reached."""

    steps: list[StepOfSurvival]
    median: int | None
    ended: Number
    going_on: Number


class Percentile(StrictModel):
    """Null where there are too few values."""

    percentile: int
    value: Number | None


class DistributionOfValues(StrictModel):
    """Percentiles of `n` values; `censored` ones have none yet."""

    percentiles: list[Percentile]
    n: Number
    censored: Number | None


class KpiShape(KpiHead):
    """A KPI to be drawn; of the five members that of its shape is not null."""

    shape: Shape
    periods: list[str]
    triangle: list[CohortOfTriangle] | None = None
    funnel: list[StepOfFunnel] | None = None
    buckets: list[BucketOfAge] | None = None
    survival: SurvivalCurve | None = None
    distribution: DistributionOfValues | None = None


@router.get("/{kpi_id}/shape", response_model=KpiShape)
async def read_kpi_shape(
    kpi_id: Code,
    actor: Reader,
    asked: AskedDep,
    shape: Annotated[Shape, Query(description="what the KPI is to be drawn as")],
    request: Request,
    resources: ResourcesDep,
    view: MembersView = "restated",
) -> Response:
    """A KPI as a triangle of cohorts, funnel, ageing buckets, survival curve or distribution."""
    async with source_of(resources) as source:
        question = question_of(
            kpi_id, asked, actor=actor, source=source, resources=resources, view=view
        )
        kpi = source.catalogue[question.kpi.id]
        refuse_other_shape(kpi, shape)
        _refuse_unread(asked, question, shape)
        known, watermark = await read_known(source.connection, source.company, as_of=question.as_of)
        drawn = await _draw(source, question, kpi, shape=shape, known=known, asked=asked)
    answered = Answer(question=question, rows=[], known=known, watermark=watermark)
    head = head_of(
        answered,
        currency=source.company.base_currency,
        catalogue_version=source.catalogue.version,
    )
    periods = [period.label for period in question.periods]
    body = KpiShape(**dict(head), shape=shape, periods=periods, **drawn)
    return reply(body, request=request, resources=resources, watermark=watermark)


def _refuse_unread(asked: Asked, question: Question, shape: Shape) -> None:
    """Raises QuestionRefused for what a shape would not look at."""
    if question.by:
        raise QuestionRefused(
            "a shape is not broken down", field="query.by", hint="filter by one member at a time"
        )
    if asked.age is not None or asked.percentile is not None:
        raise QuestionRefused(
            "a shape has all ages and percentiles",
            field="query.age" if asked.age is not None else "query.percentile",
            hint="leave it out",
        )
    if shape is not Shape.TRIANGLE and len(question.periods) > 1:
        raise QuestionRefused(
            f"a {shape.value} is of one period", field="query.period", hint="ask for one period"
        )


async def _draw(
    source: Source, question: Question, kpi: Kpi, *, shape: Shape, known: Known, asked: Asked
) -> dict[str, Any]:
    drawn: object
    match shape, kpi:
        case Shape.TRIANGLE, Curve():
            cohorts = await shapes.triangle(
                source, question, kpi, known=known, or_later=asked.or_later
            )
            drawn = [_cohort(cohort) for cohort in cohorts]
        case Shape.FUNNEL, Funnel():
            drawn = _views(StepOfFunnel, await shapes.funnel(source, question, kpi, known=known))
        case Shape.BUCKETS, Amount():
            drawn = _views(BucketOfAge, await shapes.buckets(source, question, kpi, known=known))
        case Shape.SURVIVAL, Quantile():
            drawn = _survival(await shapes.survived(source, question, kpi, known=known))
        case _, Quantile():
            drawn = _distribution(await shapes.distribution(source, question, kpi, known=known))
        case _:
            raise AssertionError(f"{kpi.id} was not refused as {shape}")
    return {shape.value: drawn}


def _views(view: type[StrictModel], rows: Sequence[shapes.Step | shapes.Bucket]) -> object:
    return [view(**asdict(row)) for row in rows]


def _cohort(cohort: shapes.Cohort) -> CohortOfTriangle:
    return CohortOfTriangle(
        period=cohort.period.label,
        from_on=date_of(cohort.period.start),
        to_on=date_of(cohort.period.end),
        n=cohort.n,
        ages=[AgeOfCohort(**asdict(age)) for age in cohort.ages],
    )


def _survival(curve: shapes.Survival) -> SurvivalCurve:
    return SurvivalCurve(
        steps=[
            StepOfSurvival(
                day=step.day,
                at_risk=counted(step.at_risk),
                ended=counted(step.ended),
                share=step.share,
            )
            for step in curve.steps
        ],
        median=curve.median,
        ended=curve.ended,
        going_on=curve.going_on,
    )


def _distribution(found: shapes.Distribution) -> DistributionOfValues:
    return DistributionOfValues(
        percentiles=[Percentile(percentile=p, value=value) for p, value in found.percentiles],
        n=found.n,
        censored=found.censored,
    )
