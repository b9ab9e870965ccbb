"""Models over HTTP: what a predicted value was fitted to, and how well it foresaw the past."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Annotated, Final

from fastapi import APIRouter, Request, Response
from pydantic import Field

from chassis.auth import require
from chassis.auth.actor import Actor
from chassis.resources import ResourcesDep
from chassis.types import Code, StrictModel
from metrics.api.asking import AskedOneDep, question_of, source_of
from metrics.api.replies import reply
from metrics.api.views import KpiHead, Number, Undefined, head_of
from metrics.engine.company import date_of
from metrics.engine.expectation import Model
from metrics.engine.row import Row
from metrics.query.answer import Answer
from metrics.query.known import read_known
from metrics.query.models import Fitted, fitted_models
from metrics.query.question import QuestionRefused

router = APIRouter(prefix="/v1/kpis", tags=["kpis"])

Reader = Annotated[Actor, require("kpis:read")]
_DIGITS: Final = 6
"""Of what is told of parameters: more are noise, and differ between processors."""


class ParametersOfPurchasing(StrictModel):
    """MBG/NBD; time is in weeks."""

    r: float
    alpha: float
    a: float
    b: float


class ParametersOfSpending(StrictModel):
    """Gamma-Gamma; `v` is in minor units of the base currency."""

    p: float
    q: float
    v: float


class Holdout(StrictModel):
    """What was foreseen before the days held out, and what then happened, of the customers asked
    for. `error` is the difference as a part of what happened.
    """

    days: int
    expected_purchases: float
    purchases: float
    error: float | None
    tolerance: float


class FittedModel(KpiHead):
    """A model as of the end of a period. Without parameters there were too few customers."""

    period: str
    known_until: Annotated[date, Field(description="the first day that the model does not know")]
    value: Number | None
    reason: Undefined | None
    n: Number
    floor: int
    discount_a_year: float
    fitted_to: Annotated[int, Field(description="all customers of the company")]
    purchasing: ParametersOfPurchasing | None
    spending: ParametersOfSpending | None
    holdout: Holdout


@router.get("/{kpi_id}/model", response_model=FittedModel)
async def read_model(
    kpi_id: Code,
    actor: Reader,
    asked: AskedOneDep,
    request: Request,
    resources: ResourcesDep,
) -> Response:
    """The model behind a predicted value: parameters, and how well it foresaw the past."""
    async with source_of(resources) as source:
        question = question_of(kpi_id, asked, actor=actor, source=source, resources=resources)
        kpi = question.kpi
        if not isinstance(kpi, Model):
            raise QuestionRefused(
                f"{kpi.id} is not predicted by a model",
                field="path.kpi_id",
                hint=f"GET /v1/kpis/{kpi.id}/explain shows the facts behind it",
            )
        known, watermark = await read_known(source.connection, source.company, as_of=question.as_of)
        [fitted] = await fitted_models(source, question, known)
    rows = fitted.rows(kpi, known)
    head = head_of(
        Answer(question=question, rows=rows, known=known, watermark=watermark),
        currency=source.company.base_currency,
        catalogue_version=source.catalogue.version,
    )
    view = _view(head, rows[0], fitted, kpi=kpi)
    return reply(view, request=request, resources=resources, watermark=watermark)


def _view(head: KpiHead, row: Row, fitted: Fitted, *, kpi: Model) -> FittedModel:
    prediction, scope = fitted.prediction, fitted.scopes[()]
    return FittedModel(
        **dict(head),
        period=row.period.label,
        known_until=date_of(fitted.customers.until),
        value=row.value,
        reason=row.reason,
        n=row.n,
        floor=kpi.floor,
        discount_a_year=kpi.discount,
        fitted_to=len(fitted.customers),
        purchasing=None
        if prediction is None
        else ParametersOfPurchasing(**_told(asdict(prediction.purchasing))),
        spending=None
        if prediction is None
        else ParametersOfSpending(**_told(asdict(prediction.spending))),
        holdout=Holdout(
            days=fitted.customers.held_out_days,
            expected_purchases=round(scope.foreseen, _DIGITS),
            purchases=round(scope.bought, _DIGITS),
            error=None if scope.error is None else round(scope.error, _DIGITS),
            tolerance=kpi.tolerance,
        ),
    )


def _told(parameters: dict[str, float]) -> dict[str, float]:
    return {name: round(value, _DIGITS) for name, value in parameters.items()}
