"""The diagnosis over HTTP: results fell; is it sales, is it operations, or is it the market?"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from pydantic import ConfigDict

from chassis.auth import require
from chassis.auth.actor import Actor
from chassis.resources import Resources, ResourcesDep
from chassis.types import StrictModel
from metrics.api.asking import AsOf, question_of, source_of
from metrics.api.diagnosis_rules import rules_of
from metrics.api.replies import reply
from metrics.api.views import InTwoLanguages
from metrics.diagnosis import BaselineKind, Diagnosis, Language, Lens, diagnose, report, sentence
from metrics.engine.calendar import Grain
from metrics.kpis.diagnosis import SCOPES
from metrics.kpis.sales import REVENUE_NET
from metrics.query.diagnosing import Asked, diagnosis_input
from metrics.query.limits import narrowed_by
from metrics.query.question import Asked as AskedKpi
from metrics.query.question import Question, QuestionRefused
from metrics.query.source import Source
from metrics.store.rules import newest

router = APIRouter(prefix="/v1/diagnosis", tags=["diagnosis"])

Reader = Annotated[Actor, require("kpis:read")]
GRAINS: Final = (Grain.MONTH, Grain.QUARTER, Grain.YEAR)


class DiagnosisView(StrictModel):
    """A verdict and all that it rests on; money in minor units of `currency`.

    `verdict` is sales, operations, market, mixed, no_material_change or insufficient_data;
    contributions sum to `delta`. docs/guides/diagnosis.md explains every field.
    """

    model_config = ConfigDict(extra="allow")

    verdict: str
    reason: str
    confidence: str | None
    probability: float | None
    delta: int | None
    contributions: list[dict[str, Any]]
    text: InTwoLanguages
    report: InTwoLanguages


@router.get("", response_model=DiagnosisView)
async def read_diagnosis(
    actor: Reader,
    request: Request,
    resources: ResourcesDep,
    period: Annotated[str, Query(max_length=16, description="2017, 2017-Q1 or 2017-03")],
    baseline: Annotated[
        BaselineKind | None, Query(description="what to compare with; the best there is by default")
    ] = None,
    scope: Annotated[
        list[str], Query(max_length=4, description="dimension:value, repeatable; all by default")
    ] = [],  # noqa: B006 - FastAPI copies it
    lens: Annotated[
        Lens, Query(description="what is judged; profit: less acquisition and operating costs")
    ] = "revenue",
    as_of: AsOf = None,
) -> Response:
    """Why revenue, or profit, of a period fell: verdict, contributions, evidence, and what to do.

    Refuses with the verdict `insufficient_data`, and says what data would help.
    """
    wanted = AskedKpi(period=period, filters=scope, as_of=as_of)
    async with source_of(resources) as source:
        question = _question(wanted, actor=actor, source=source, resources=resources)
        if lens == "profit" and question.filters:
            raise QuestionRefused(
                "profit can only be diagnosed of the whole company",
                field="query.lens",
                hint="leave out scope: most costs name no member of it; or ask for lens=revenue",
            )
        if baseline is BaselineKind.PLAN:
            _refuse_what_no_target_tells(question, lens)
        asked = Asked(
            period=question.periods[0],
            filters=question.filters,
            lens=lens,
            baseline=baseline,
            as_of=question.as_of,
        )
        rules = rules_of(await newest(source.connection))
        with narrowed_by(
            field="query.scope", hint="limit it to one dimension, or further, or leave out as_of"
        ):
            given = await diagnosis_input(source, asked, rules=rules)
    # Draws take a tenth of a second of arithmetic: others are answered meanwhile.
    diagnosis = await asyncio.to_thread(diagnose, given)
    return reply(_view(diagnosis), request=request, resources=resources, watermark=given.as_of)


def _question(wanted: AskedKpi, *, actor: Actor, source: Source, resources: Resources) -> Question:
    question = question_of(REVENUE_NET.id, wanted, actor=actor, source=source, resources=resources)
    if question.grain not in GRAINS:
        raise QuestionRefused(
            "a diagnosis needs a month, a quarter or a year",
            field="query.period",
            hint="as 2017-Q1",
        )
    for dimension in question.filters:
        if dimension not in SCOPES:
            raise QuestionRefused(
                f"a diagnosis cannot be limited to {dimension}",
                field="query.scope",
                hint=f"it can to: {', '.join(SCOPES)}",
            )
    return question


def _refuse_what_no_target_tells(question: Question, lens: Lens) -> None:
    if lens == "profit":
        raise QuestionRefused(
            "no plan tells acquisition and operating costs together",
            field="query.lens",
            hint="ask for lens=revenue, or for another baseline",
        )
    if sum(map(len, question.filters.values())) > 1:
        raise QuestionRefused(
            "a target is of the company or of one member",
            field="query.scope",
            hint="give one scope, or ask for another baseline",
        )


def _view(diagnosis: Diagnosis) -> DiagnosisView:
    said = {language: sentence(diagnosis, language) for language in Language}
    whole = {language: report(diagnosis, language) for language in Language}
    return DiagnosisView.model_validate(
        diagnosis.data()
        | {
            "text": {"en": said[Language.EN], "zh": said[Language.ZH]},
            "report": {"en": whole[Language.EN], "zh": whole[Language.ZH]},
        }
    )
