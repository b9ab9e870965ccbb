"""Pipelines: stages, their requirements, and the rules of going through them."""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Response
from pydantic import Field

from chassis.auth import require
from chassis.bulk import ImportBody, ImportResult, RowResult, answer, reject, sort_rows
from chassis.concurrency import IfMatch, set_etag
from chassis.errors import Refusal
from chassis.paging import Page, PageDep
from chassis.types import BasisPoints, Code, Lax, StrictModel, Text
from chassis.work import Work, WorkDep
from pipeline.domain.pipeline import Pipeline, Rules, Stage, StageType, design_pipeline
from pipeline.errors import AlreadyExists, PipelineNotFound, StageInUse
from pipeline.store import catalogue
from pipeline.tables import PipelineRow

router = APIRouter(prefix="/v1/pipelines", tags=["pipelines"])

MOST_STAGES: Final = 50

Names = Annotated[dict[Code, Text], Field(min_length=1, max_length=20)]
"""Language code to name, as {"en": "Won", "zh": "赢单"}."""


class StageBody(StrictModel):
    """One step of selling; `max_days` since the entry into it."""

    code: Code
    name: Names
    order: Annotated[int, Field(ge=0, le=10_000)]
    type: Annotated[StageType, Lax]
    probability_bp: BasisPoints
    required_fields: Annotated[list[Code], Field(max_length=20)] = []
    max_days: Annotated[int, Field(ge=1, le=10_000)] | None = None


Stages = Annotated[list[StageBody], Field(min_length=1, max_length=MOST_STAGES)]


class RulesBody(StrictModel):
    """What deals may do without an override."""

    allow_skip: bool = False
    allow_back: bool = False


class PipelineBody(StrictModel):
    """A way of selling: open stages, one that wins, one that loses, and any on hold."""

    code: Code
    name: Names
    stages: Stages
    rules: RulesBody = RulesBody()


class PipelinePatch(StrictModel):
    """What is left out stays; `stages` are replaced as a whole."""

    name: Names = {}
    stages: Stages = []
    rules: RulesBody = RulesBody()


class PipelineView(PipelineBody):
    """A pipeline; `id` is its code."""

    id: str
    version: int

    @classmethod
    def of(cls, row: PipelineRow) -> PipelineView:
        return cls(
            id=row.code,
            version=row.version,
            code=row.code,
            name=row.name,
            stages=[StageBody(**stage) for stage in row.stages],
            rules=RulesBody(**row.rules),
        )


@router.get("", dependencies=[require("catalogue:read")])
async def list_pipelines(page: PageDep, work: WorkDep) -> Page[PipelineView]:
    """All pipelines, by code."""
    rows = await catalogue.page_of(
        work.session, PipelineRow, PipelineRow.code, after=page.after(str), limit=page.fetch
    )
    return page.page(rows, view=PipelineView.of, key=lambda row: row.code)


@router.post("", status_code=201, dependencies=[require("catalogue:write")])
async def create_pipeline(body: PipelineBody, work: WorkDep, response: Response) -> PipelineView:
    """Add a pipeline."""
    if await catalogue.find(work.session, PipelineRow, body.code):
        raise AlreadyExists("pipeline", body.code)
    row = PipelineRow(code=body.code, version=1, **_designed(body))
    work.session.add(row)
    set_etag(response, row.version)
    return PipelineView.of(row)


@router.get("/{code}", dependencies=[require("catalogue:read")])
async def show_pipeline(code: Code, work: WorkDep, response: Response) -> PipelineView:
    """One pipeline."""
    row = await catalogue.find(work.session, PipelineRow, code)
    if row is None:
        raise PipelineNotFound(code)
    set_etag(response, row.version)
    return PipelineView.of(row)


@router.patch("/{code}", dependencies=[require("catalogue:write")])
async def change_pipeline(
    code: Code, body: PipelinePatch, work: WorkDep, expected: IfMatch, response: Response
) -> PipelineView:
    """Change names, stages or rules. A stage that deals are in keeps its code and type."""
    row = await catalogue.find(work.session, PipelineRow, code, lock=True)
    if row is None:
        raise PipelineNotFound(code)
    present = PipelineView.of(row)
    expected.check(row.version, current=present)
    given = {field: getattr(body, field) for field in body.model_fields_set}
    wanted = PipelineBody(
        code=code,
        name=given.get("name", present.name),
        stages=given.get("stages", present.stages),
        rules=given.get("rules", present.rules),
    )
    await _change(work, row, wanted)
    set_etag(response, row.version)
    return PipelineView.of(row)


@router.post("/import", dependencies=[require("catalogue:write")])
async def import_pipelines(body: ImportBody, work: WorkDep) -> ImportResult:
    """Add or change pipelines by their code."""
    rows = sort_rows(body, PipelineBody, identity=lambda row: row.code)
    existing = await catalogue.find_all(
        work.session,
        PipelineRow,
        PipelineRow.code,
        values=[accepted.row.code for accepted in rows.accepted],
    )
    results: list[RowResult] = []
    for accepted in rows.accepted:
        row = existing.get(accepted.row.code)
        try:
            if row is None:
                work.session.add(
                    PipelineRow(code=accepted.row.code, version=1, **_designed(accepted.row))
                )
                status = "created"
            else:
                status = "updated" if await _change(work, row, accepted.row) else "unchanged"
        except Refusal as refusal:
            results.append(reject(accepted.index, refusal))
            continue
        results.append(
            RowResult.model_validate(
                {"index": accepted.index, "status": status, "id": accepted.row.code}
            )
        )
    if body.dry_run:
        work.discard()
    return answer(rows.rejected, results)


async def _change(work: Work, row: PipelineRow, wanted: PipelineBody) -> bool:
    designed = _designed(wanted)
    kept = {(stage["code"], stage["type"]) for stage in designed["stages"]}
    touched = [stage["code"] for stage in row.stages if (stage["code"], stage["type"]) not in kept]
    if touched:
        deals = await catalogue.deals_in_stages(await work.driver(), row.code)
        for stage in touched:
            if stage in deals:
                raise StageInUse(stage, deals[stage])
    return catalogue.update(row, designed)


def _designed(body: PipelineBody) -> dict[str, Any]:
    """The columns of a pipeline that makes sense. Raises PipelineIsMalformed."""
    pipeline = design_pipeline(
        code=body.code,
        name=dict(body.name),
        stages=[
            Stage(**{**stage.model_dump(), "required_fields": tuple(stage.required_fields)})
            for stage in body.stages
        ],
        rules=Rules(**body.rules.model_dump()),
    )
    return _columns(pipeline)


def _columns(pipeline: Pipeline) -> dict[str, Any]:
    plain = msgspec.json.decode(msgspec.json.encode(pipeline))
    return {name: plain[name] for name in ("name", "stages", "rules")}
