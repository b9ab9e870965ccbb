"""KPIs over HTTP: the catalogue, values, and the facts behind a value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Final, Literal

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response

from chassis.auth import require
from chassis.auth.actor import Actor
from chassis.paging import PageDep
from chassis.resources import Resources, ResourcesDep
from chassis.types import Code
from metrics.api.answer_body import answer_body
from metrics.api.asking import (
    AskedDep,
    AskedOneDep,
    CurrencyDep,
    MembersView,
    question_of,
    source_of,
)
from metrics.api.explanation_views import FactBehind, KpiExplanation, explanation_view
from metrics.api.replies import reply, reply_json
from metrics.api.views import KpiAnswer, KpiCatalogue, KpiDefinition, head_of
from metrics.engine.company import micros_of
from metrics.engine.fact import Ref
from metrics.engine.row import Row
from metrics.query.answer import answer
from metrics.query.comparison import Against, compare
from metrics.query.explain import explain
from metrics.query.published import answer_published, published_at
from metrics.query.question import MOST_ROWS
from metrics.query.targets import read_targets

router = APIRouter(prefix="/v1/kpis", tags=["kpis"])

Reader = Annotated[Actor, require("kpis:read")]
USUAL_ROWS_PER_PAGE: Final = 1_000
MOST_ROWS_PER_PAGE: Final = MOST_ROWS
FiguresView = Annotated[
    Literal["restated", "published", "current"],
    Query(
        description="restated: as they are known now; published: as they were when the period was"
        " closed; current: by the members that facts have today, not on their own days"
    ),
]
_PAGING: Final = ("limit", "cursor")
RowLimit = Annotated[int, Query(ge=1, le=MOST_ROWS_PER_PAGE, description="rows per page")]


class Beside:
    """What each value is shown beside."""

    def __init__(
        self,
        against: Annotated[
            Against | None,
            Query(
                alias="compare",
                description="each value beside that of the period before, or of the same a year"
                " before; a running period beside as many days of the other",
            ),
        ] = None,
        *,
        target: Annotated[
            bool, Query(description="each value beside its target: attainment, pace and run rate")
        ] = False,
    ) -> None:
        self.against = against
        self.target = target


BesideDep = Annotated[Beside, Depends(Beside)]


@router.get("", response_model=KpiCatalogue)
async def list_kpis(_: Reader, request: Request, resources: ResourcesDep) -> Response:
    """All KPIs with their definitions."""
    async with source_of(resources) as source:
        view = KpiCatalogue(
            catalogue_version=source.catalogue.version,
            currency=source.company.base_currency,
            time_zone=source.company.time_zone,
            fiscal_year_first_month=source.company.first_month,
            items=[KpiDefinition.of(kpi) for kpi in source.catalogue],
        )
    return reply(view, request=request, resources=resources, watermark=None)


@router.get("/{kpi_id}", response_model=KpiAnswer)
async def read_kpi(
    kpi_id: Code,
    actor: Reader,
    asked: AskedDep,
    currency: CurrencyDep,
    beside: BesideDep,
    request: Request,
    resources: ResourcesDep,
    view: FiguresView = "restated",
    limit: RowLimit = USUAL_ROWS_PER_PAGE,
    cursor: Annotated[str | None, Query(max_length=2048)] = None,
) -> Response:
    """A KPI's values by period, optionally broken down and filtered."""
    async with source_of(resources) as source:
        question = question_of(
            kpi_id, asked, actor=actor, source=source, resources=resources, view=view
        )
        now = micros_of(resources.clock.now())
        in_currency = currency.view_of(question, source.company, now=now)
        question = replace(question, currency=in_currency)
        read = answer_published if view == "published" else answer
        answered = await read(source, question)
        comparison = targets = None
        if beside.against is not None:
            comparison = await compare(source, answered, beside.against, read=read)
        if beside.target:
            closed = await published_at(source, question) if view == "published" else None
            targets = await read_targets(source, answered, known_at=closed)
    rows, next_cursor = _page(
        answered.rows, limit, cursor=cursor, request=request, resources=resources
    )
    head = head_of(
        answered,
        currency=source.company.base_currency,
        catalogue_version=source.catalogue.version,
    )
    body = answer_body(
        head, rows, question, comparison=comparison, targets=targets, next_cursor=next_cursor
    )
    return reply_json(body, request=request, resources=resources, watermark=answered.watermark)


@router.get("/{kpi_id}/explain", response_model=KpiExplanation)
async def explain_kpi(
    kpi_id: Code,
    actor: Reader,
    asked: AskedOneDep,
    page: PageDep,
    request: Request,
    resources: ResourcesDep,
    view: MembersView = "restated",
) -> Response:
    """The facts and events behind one value; over all pages they add up to it."""
    after = page.after(tuple[str, str])
    async with source_of(resources) as source:
        question = question_of(
            kpi_id, asked, actor=actor, source=source, resources=resources, view=view
        )
        explained = await explain(
            source, question, after=Ref(*after) if after else None, limit=page.fetch
        )
    head = head_of(
        explained.answer,
        currency=source.company.base_currency,
        catalogue_version=source.catalogue.version,
    )
    shown = page.page(
        explained.parts, view=FactBehind.of, key=lambda part: (part.ref.kind, part.ref.key)
    )
    body = explanation_view(head, explained.row, shown)
    return reply(body, request=request, resources=resources, watermark=explained.answer.watermark)


def _page(
    rows: Sequence[Row],
    limit: int,
    *,
    cursor: str | None,
    request: Request,
    resources: Resources,
) -> tuple[Sequence[Row], str | None]:
    """The rows after the cursor; pages of one answer can be of different moments."""
    given = sorted(p for p in request.query_params.multi_items() if p[0] not in _PAGING)
    scope = msgspec.json.encode([request.url.path, given]).decode()
    if cursor is not None:
        payload = resources.cursors.unseal(cursor, scope=scope)
        start, members = msgspec.json.decode(payload, type=tuple[int, tuple[str, ...]])
        rows = [row for row in rows if (row.period.start, row.members) > (start, members)]
    if len(rows) <= limit:
        return rows, None
    last = rows[limit - 1]
    return rows[:limit], resources.cursors.seal((last.period.start, last.members), scope=scope)
