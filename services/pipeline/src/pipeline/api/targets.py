"""Targets of KPIs: one for each KPI, scope and period, with revisions."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field

from chassis.auth import require
from chassis.concurrency import IfMatch, set_etag
from chassis.paging import Page, PageDep
from chassis.types import Code, CurrencyCode, Id, Instant, StrictModel
from chassis.work import WorkDep
from events import uuid7
from events.types.pipeline import MemberScope, ScopeDimension
from pipeline.api.fields import PeriodText
from pipeline.api.scope import visible_teams
from pipeline.api.target_scope import refuse_foreign_target, team_of, wanted_by
from pipeline.domain.target import Target, TargetKey
from pipeline.errors import AlreadyExists, TargetNotFound
from pipeline.store import targets
from pipeline.store.references import look_up
from pipeline.tables import TargetRow

router = APIRouter(prefix="/v1/targets", tags=["targets"])

TargetValue = Annotated[int, Field(ge=-(10**15), le=10**15)]
"""Minor units of `currency` for KPIs of money, else the KPI's unit times 10,000."""


class TargetKeyBody(StrictModel):
    """What a target is for; the company as a whole has no scope_value.

    A second scope narrows it: one product in one region, in whatever order they are named.
    """

    kpi: Code
    scope: ScopeDimension
    scope_value: Code | None = None
    second_scope: MemberScope | None = None
    second_scope_value: Code | None = None
    period: PeriodText

    def key(self) -> TargetKey:
        """As it was told. Raises FieldMismatch."""
        return TargetKey(**{name: getattr(self, name) for name in TargetKeyBody.model_fields})


class TargetBody(TargetKeyBody):
    """A new target."""

    external_ref: Id | None = None
    value: TargetValue
    currency: CurrencyCode | None = None
    occurred_at: Instant | None = None


class TargetPatch(StrictModel):
    """Another value; null withdraws the target."""

    value: TargetValue | None
    currency: CurrencyCode | None = None
    occurred_at: Instant | None = None


class TargetView(StrictModel):
    """A target's newest revision, which its version counts; value null means withdrawn."""

    id: str
    version: int
    external_ref: str | None
    kpi: str
    scope: str
    scope_value: str | None
    second_scope: str | None
    second_scope_value: str | None
    period: str
    value: int | None
    currency: str | None
    changed_at: datetime
    team: str | None

    @classmethod
    def of(cls, row: TargetRow) -> TargetView:
        return cls(**{name: getattr(row, name) for name in cls.model_fields})


@router.post("", status_code=201, dependencies=[require("targets:write")])
async def set_target(body: TargetBody, work: WorkDep, response: Response) -> TargetView:
    """Set a target; if there is one for the same KPI, scope and period, change that instead."""
    told = body.key()
    known = await look_up(await work.driver(), wanted_by([told]))
    team, key = team_of(told, known), told.ordered()
    refuse_foreign_target(work.actor, team)
    if await targets.take_all(work.session, [key]):
        raise AlreadyExists("target", str(key))
    target, event = Target.set(
        uuid7(),
        key,
        value=body.value,
        currency=body.currency,
        at=work.moment(body.occurred_at),
        team=team,
    )
    row = targets.add(work.session, target, external_ref=body.external_ref)
    await work.record(event, sequence=target.version, occurred_at=target.changed_at)
    set_etag(response, target.version)
    return TargetView.of(row)


@router.get("", dependencies=[require("targets:read")])
async def list_targets(
    page: PageDep,
    work: WorkDep,
    kpi: Code | None = None,
    scope: ScopeDimension | None = None,
    scope_value: Code | None = None,
    second_scope: MemberScope | None = None,
    second_scope_value: Code | None = None,
    period: PeriodText | None = None,
) -> Page[TargetView]:
    """Targets of the caller's teams, and those of no team.

    A scope finds also the targets of two dimensions of which it is one.
    """
    rows = await targets.page_of(
        work.session,
        teams=visible_teams(work.actor),
        equal={"kpi": kpi, "period": period},
        named=((scope, scope_value), (second_scope, second_scope_value)),
        after=page.after(str),
        limit=page.fetch,
    )
    return page.page(rows, view=TargetView.of, key=lambda row: row.id)


@router.get("/{target_id}", dependencies=[require("targets:read")])
async def show_target(target_id: Id, work: WorkDep, response: Response) -> TargetView:
    """One target."""
    row = await targets.find(work.session, target_id)
    if row is None or not work.actor.sees(row.team):
        raise TargetNotFound(target_id)
    set_etag(response, row.version)
    return TargetView.of(row)


@router.patch("/{target_id}", dependencies=[require("targets:write")])
async def revise_target(
    target_id: Id, body: TargetPatch, work: WorkDep, expected: IfMatch, response: Response
) -> TargetView:
    """Make the target's next revision, or withdraw it."""
    row = await targets.find(work.session, target_id, lock=True)
    if row is None or not work.actor.sees(row.team):
        raise TargetNotFound(target_id)
    refuse_foreign_target(work.actor, row.team)
    expected.check(row.version, current=TargetView.of(row), changed=["value"])
    at = work.moment(body.occurred_at, not_before=row.changed_at)
    currency = body.currency if "currency" in body.model_fields_set else row.currency
    target, event = targets.target_of(row).revise(value=body.value, currency=currency, at=at)
    if event is not None:
        targets.put(row, target)
        await work.record(event, sequence=target.version, occurred_at=at)
    set_etag(response, row.version)
    return TargetView.of(row)
