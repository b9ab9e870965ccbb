"""Cost entries: record, correct, void, list."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, field_validator

from chassis.auth import require
from chassis.concurrency import ExpectedVersion, IfMatch, OptionalIfMatch, set_etag
from chassis.paging import Page, PageDep
from chassis.types import Code, Day, Id, Note, Text
from chassis.work import Work, WorkDep
from events import Dimensions, uuid7
from events.types.ops import CostKind
from ops.api.fields import (
    DimensionsBody,
    MoneyBody,
    Told,
    Versioned,
    Zone,
    day_of,
    own_team,
    refuse_stale,
)
from ops.domain.change import Change
from ops.domain.cost import Cost
from ops.store.costs import CostFilter, Costs
from ops.store.projects import Projects

router = APIRouter(prefix="/v1/costs", tags=["costs"])

DIMENSIONS = frozenset(DimensionsBody.model_fields)


class RecordCost(Told, DimensionsBody):
    """Left out, the team is the project's."""

    kind: CostKind
    amount: MoneyBody
    incurred_on: Day
    external_ref: Id | None = None
    category: Code | None = None
    project_id: Id | None = None
    process: Code | None = None
    campaign_id: Id | None = None
    note: Note | None = None


class CorrectCost(Told, DimensionsBody):
    """Only the fields that are sent change; null takes a value away."""

    kind: CostKind | None = None
    amount: MoneyBody | None = None
    incurred_on: Day | None = None
    category: Code | None = None
    project_id: Id | None = None
    process: Code | None = None
    campaign_id: Id | None = None
    note: Note | None = None

    @field_validator("kind", "amount", "incurred_on", mode="before")
    @classmethod
    def _refuse_null(cls, value: Any) -> Any:
        if value is None:
            raise ValueError("cannot be taken away; leave it out to keep it")
        return value


class VoidCost(Told):
    reason: Text


class CostQuery(BaseModel):
    """Filters of the list; those left out do not filter. The chassis refuses unknown ones."""

    kind: CostKind | None = None
    project_id: Id | None = None
    team: Code | None = None
    process: Code | None = None
    category: Code | None = None
    external_ref: Id | None = None
    incurred_from: Day | None = None
    incurred_to: Day | None = None
    voided: bool | None = None


class CostView(DimensionsBody, Versioned):
    kind: CostKind
    amount: MoneyBody
    incurred_on: date
    external_ref: str | None
    category: str | None
    project_id: str | None
    process: str | None
    campaign_id: str | None
    note: str | None
    changed_at: datetime
    voided_at: datetime | None
    void_reason: str | None

    @classmethod
    def of(cls, cost: Cost) -> CostView:
        same = {name: getattr(cost, name) for name in cls.model_fields if name not in _MADE}
        return cls(
            **same, **msgspec.structs.asdict(cost.dimensions), amount=MoneyBody.of(cost.amount)
        )


_MADE = DIMENSIONS | {"amount"}


@router.post("", status_code=201, dependencies=[require("costs:write")])
async def record_cost(body: RecordCost, work: WorkDep, zone: Zone, response: Response) -> CostView:
    """Enter money that was spent: to win customers, to keep the house running, or for a project."""
    at = work.moment(body.occurred_at)
    team = own_team(work.actor, body.team, default=await Projects(work).team_of(body.project_id))
    cost, recorded = Cost.record(
        at=at,
        today=day_of(work.now(), zone),
        id=uuid7(),
        kind=body.kind,
        amount=body.amount.money(),
        incurred_on=body.incurred_on,
        external_ref=body.external_ref,
        category=body.category,
        project_id=body.project_id,
        process=body.process,
        campaign_id=body.campaign_id,
        note=body.note,
        dimensions=Dimensions(
            **{**{name: getattr(body, name) for name in DIMENSIONS}, "team": team}
        ),
    )
    await Costs(work).add(Change(before=None, after=cost, at=at, data=recorded))
    response.headers["Location"] = f"/v1/costs/{cost.id}"
    set_etag(response, cost.version)
    return CostView.of(cost)


@router.get("", dependencies=[require("costs:read")])
async def list_costs(
    page: PageDep, work: WorkDep, wanted: Annotated[CostQuery, Query()]
) -> Page[CostView]:
    """Entries of your teams, the latest incurred first. `incurred_to` is excluded."""
    found = await Costs(work).list(
        CostFilter(**wanted.model_dump()), before=page.after(tuple[date, str]), limit=page.fetch
    )
    return page.page(found, view=CostView.of, key=lambda cost: (cost.incurred_on, cost.id))


@router.get("/{cost_id}", dependencies=[require("costs:read")])
async def read_cost(cost_id: Id, work: WorkDep, response: Response) -> CostView:
    cost = await Costs(work).get(cost_id)
    set_etag(response, cost.version)
    return CostView.of(cost)


@router.patch("/{cost_id}", dependencies=[require("costs:write")])
async def correct_cost(
    cost_id: Id, body: CorrectCost, work: WorkDep, expected: IfMatch, zone: Zone, response: Response
) -> CostView:
    """Correct an entry; the corrected one replaces it in every KPI."""
    cost = await _locked(work, cost_id, expected)
    at = work.moment(body.occurred_at, not_before=cost.changed_at)
    changes = await _changes(work, cost, body)
    corrected, recorded = cost.correct(at=at, today=day_of(work.now(), zone), **changes)
    if recorded is not None:
        await Costs(work).save(Change(before=cost, after=corrected, at=at, data=recorded))
    set_etag(response, corrected.version)
    return CostView.of(corrected)


@router.post("/{cost_id}/void", dependencies=[require("costs:write")])
async def void_cost(
    cost_id: Id, body: VoidCost, work: WorkDep, expected: OptionalIfMatch, response: Response
) -> CostView:
    """Take a mistaken entry back: it counts nowhere."""
    cost = await _locked(work, cost_id, expected)
    at = work.moment(body.occurred_at, not_before=cost.changed_at)
    voided, event = cost.void(at=at, reason=body.reason)
    await Costs(work).save(Change(before=cost, after=voided, at=at, data=event, note=body.reason))
    set_etag(response, voided.version)
    return CostView.of(voided)


async def _locked(work: Work, cost_id: str, expected: ExpectedVersion) -> Cost:
    cost = await Costs(work).get(cost_id, lock=True)
    await refuse_stale(
        work, expected, subject_id=cost.id, actual=cost.version, current=CostView.of(cost)
    )
    return cost


async def _changes(work: Work, cost: Cost, body: CorrectCost) -> dict[str, Any]:
    sent = body.model_fields_set - {"occurred_at"}
    changes = {name: getattr(body, name) for name in sent - _MADE}
    if body.amount is not None:
        changes["amount"] = body.amount.money()
    if body.project_id is not None:
        await Projects(work).team_of(body.project_id)
    given = {name: getattr(body, name) for name in sent & DIMENSIONS}
    if "team" in given and body.team != cost.dimensions.team:
        given["team"] = own_team(work.actor, body.team)
    changes["dimensions"] = msgspec.structs.replace(cost.dimensions, **given)
    return changes
