"""Two values of a KPI compared: two periods, two instants of knowledge, two sets of figures."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from chassis.auth import require
from chassis.auth.actor import Actor
from chassis.paging import PageDep
from chassis.resources import Resources, ResourcesDep
from chassis.types import Code, Day, Instant
from metrics.api.asking import AskedOneDep, MembersView, PeriodLabel, question_of, source_of
from metrics.api.difference_views import FactDifferenceView, KpiDifference, SideView
from metrics.api.replies import reply
from metrics.api.views import InTwoLanguages
from metrics.engine.fact import Ref
from metrics.query.answer import Answer
from metrics.query.differences import Side, explain_difference
from metrics.query.opening import open_generation
from metrics.query.question import Asked, QuestionRefused
from metrics.query.source import Source

router = APIRouter(prefix="/v1/kpis", tags=["kpis"])


class Against:
    """What a value is compared with; whatever is not said is as in the question."""

    def __init__(
        self,
        against: PeriodLabel = None,
        against_as_of: Annotated[
            Instant | Day | None, Query(description="as was known at this instant or day")
        ] = None,
        against_generation: Annotated[
            int | None, Query(ge=1, description="figures of another rebuild")
        ] = None,
    ) -> None:
        self.period = against
        self.as_of = against_as_of
        self.generation = against_generation

    @property
    def is_given(self) -> bool:
        return any(one is not None for one in (self.period, self.as_of, self.generation))

    def asked(self, asked: Asked) -> Asked:
        """The question for the other side."""
        return replace(
            asked,
            period=self.period or asked.period,
            as_of=self.as_of if self.as_of is not None else asked.as_of,
        )


AgainstDep = Annotated[Against, Depends(Against)]


@router.get("/{kpi_id}/differences", response_model=KpiDifference)
async def explain_kpi_difference(
    kpi_id: Code,
    actor: Annotated[Actor, require("kpis:read")],
    asked: AskedOneDep,
    against: AgainstDep,
    page: PageDep,
    request: Request,
    resources: ResourcesDep,
    view: MembersView = "restated",
) -> Response:
    """How a value differs from another one, fact by fact; over all pages they add up to it."""
    if not against.is_given:
        raise QuestionRefused(
            "it is not said what to compare with",
            field="query.against",
            hint="give against=<period>, against_as_of=<instant> or against_generation=<number>",
        )
    start = page.after(tuple[str, str])
    async with source_of(resources) as source:
        other = source
        if against.generation is not None:
            opened = await open_generation(
                source.connection, against.generation, like=source.company
            )
            other = replace(opened, limits=source.limits)
        side = partial(_side, kpi_id, actor=actor, resources=resources, view=view)
        before, after = side(against.asked(asked), source=other), side(asked, source=source)
        found = await explain_difference(
            before, after, start=Ref(*start) if start else None, limit=page.fetch
        )
    shown = page.page(
        found.facts, view=FactDifferenceView.of, key=lambda one: (one.ref.kind, one.ref.key)
    )
    kpi = after.question.kpi
    body = KpiDifference(
        kpi=kpi.id,
        name=InTwoLanguages(**kpi.name),
        unit=kpi.unit,
        currency=source.company.base_currency if kpi.unit == "money" else None,
        before=_told(before, found.before),
        after=_told(after, found.after),
        items=shown.items,
        next_cursor=shown.next_cursor,
    )
    return reply(body, request=request, resources=resources, watermark=found.after.watermark)


def _side(
    kpi_id: str, asked: Asked, *, actor: Actor, source: Source, resources: Resources, view: str
) -> Side:
    question = question_of(
        kpi_id, asked, actor=actor, source=source, resources=resources, view=view
    )
    return Side(source=source, question=question)


def _told(side: Side, answered: Answer) -> SideView:
    return SideView.of(
        answered,
        generation=side.source.generation,
        catalogue_version=side.source.catalogue.version,
    )
