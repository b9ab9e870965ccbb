"""Deals: open, read, list, correct; what moves and closes them is in `deal_commands`."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, Literal

from fastapi import APIRouter, Response

from chassis.auth import require
from chassis.concurrency import set_etag
from chassis.paging import Page, PageDep
from chassis.types import Code, Day, Id, Instant, StrictModel, Text
from chassis.work import WorkDep
from events import Connection, uuid7
from pipeline.api.command import DealCommandDep, keep_all
from pipeline.api.deal_view import DealView, HistoryView
from pipeline.api.fields import MoneyBody, OwnersBody, PricingDep
from pipeline.api.naming import Directory
from pipeline.api.scope import allowed_override, home_team, refuse_foreign_team, visible_teams
from pipeline.domain.deal import Deal
from pipeline.domain.occasion import Occasion
from pipeline.domain.pricing import Pricing
from pipeline.domain.record import Details, Opening
from pipeline.domain.revision import Revision
from pipeline.errors import AlreadyExists, DealNotFound, LeadHasDealAlready
from pipeline.store import deals, history
from pipeline.store.listing import DealFilter, find_deals
from pipeline.store.references import Wanted, look_up

router = APIRouter(prefix="/v1/deals", tags=["deals"])

STANDARD: Final = "standard"
"""The pipeline that exists from the first migration."""


class OpenDeal(StrictModel):
    """A new deal; it begins in the pipeline's first stage and its owner's team if not told."""

    external_ref: Id | None = None
    name: Text | None = None
    pipeline: Code = STANDARD
    stage: Code | None = None
    owners: OwnersBody = []
    team: Code | None = None
    customer_id: Id | None = None
    lead_id: Id | None = None
    product: Code | None = None
    channel: Code | None = None
    amount: MoneyBody | None = None
    list_value: MoneyBody | None = None
    expected_close_on: Day | None = None
    override_reason: Text | None = None
    occurred_at: Instant | None = None

    def wanted(self) -> Wanted:
        """What must be known for it."""
        return Wanted(
            person_ids={owner.owner_id for owner in self.owners},
            teams=_named(self.team),
            products=_named(self.product),
            pipelines={self.pipeline},
            customers=_named(self.customer_id),
            leads=_named(self.lead_id),
        )


class ReviseDeal(StrictModel):
    """What is left out stays, null takes it away."""

    name: Text | None = None
    customer_id: Id | None = None
    product: Code | None = None
    channel: Code | None = None
    list_value: MoneyBody | None = None
    expected_close_on: Day | None = None
    occurred_at: Instant | None = None


@router.post("", status_code=201, dependencies=[require("deals:write")])
async def open_deal(
    body: OpenDeal, work: WorkDep, response: Response, pricing: PricingDep
) -> DealView:
    """Open a deal. A lead makes at most one."""
    connection = await work.driver()
    override = allowed_override(work.actor, body.override_reason)
    if body.lead_id or body.external_ref:
        await deals.open_one_at_a_time(connection)
    known = await look_up(connection, body.wanted())
    directory = Directory(known)
    on = Occasion(at=work.moment(body.occurred_at), by=work.actor.id, around=known.around)
    opening = _opening(body, directory, on=on, pricing=pricing)
    opening = replace(opening, team=opening.team or home_team(work.actor))
    refuse_foreign_team(work.actor, opening.team)
    await _refuse_second(body, connection)
    deal, event = Deal.open(
        uuid7(),
        opening,
        pipeline=directory.pipeline(body.pipeline),
        on=on,
        stage=body.stage,
        override=override,
    )
    by = work.actor.id
    await keep_all(work, [Revision(before=None, after=deal, event=event, by=by, because=override)])
    set_etag(response, deal.version)
    response.headers["Location"] = f"/v1/deals/{deal.id}"
    return DealView.of(deal)


@router.get("", dependencies=[require("deals:read")])
async def list_deals(
    page: PageDep,
    work: WorkDep,
    pipeline: Code | None = None,
    stage: Code | None = None,
    status: Literal["open", "won", "lost", "deleted"] | None = None,
    team: Code | None = None,
    owner: Id | None = None,
    customer_id: Id | None = None,
    lead_id: Id | None = None,
    external_ref: Id | None = None,
) -> Page[DealView]:
    """Deals of the caller's teams, oldest record first; deleted ones only if asked for."""
    wanted = DealFilter(
        teams=visible_teams(work.actor),
        pipeline=pipeline,
        stage=stage,
        status=status,
        team=team,
        owner=owner,
        customer_id=customer_id,
        lead_id=lead_id,
        external_ref=external_ref,
    )
    found = await find_deals(await work.driver(), wanted, after=page.after(str), limit=page.fetch)
    return page.page(found, view=DealView.of, key=lambda deal: deal.id)


@router.get("/{deal_id}", dependencies=[require("deals:read")])
async def show_deal(deal_id: Id, work: WorkDep, response: Response) -> DealView:
    """One deal, with its version as ETag."""
    deal = await deals.find(await work.driver(), deal_id)
    if deal is None or deal.status == "deleted" or not work.actor.sees(deal.team):
        raise DealNotFound(deal_id)
    set_etag(response, deal.version)
    return DealView.of(deal)


@router.get("/{deal_id}/history", dependencies=[require("deals:read")])
async def show_history(deal_id: Id, work: WorkDep) -> HistoryView:
    """All stays in stages and all changes, also of a deleted deal."""
    found = await history.history_of(await work.driver(), deal_id)
    if found is None or not work.actor.sees(found.team):
        raise DealNotFound(deal_id)
    return HistoryView.of(deal_id, found)


@router.patch("/{deal_id}", dependencies=[require("deals:write")])  # noqa: FAST003 - the command takes it
async def revise_deal(body: ReviseDeal, command: DealCommandDep, pricing: PricingDep) -> DealView:
    """Correct customer, product, channel, list value, expected close or name."""
    said = body.model_fields_set
    wanted = Wanted(customers=_named(body.customer_id), products=_named(body.product))
    known = await look_up(command.connection, wanted)
    directory = Directory(known)
    directory.customer(body.customer_id)
    product = directory.product(body.product)
    on = command.on(body.occurred_at, beside=known.around)
    changes = {field: getattr(body, field) for field in said - {"list_value", "occurred_at"}}
    if body.list_value is not None:
        listed = body.list_value.money()
        changes["list_value"] = pricing.settle(listed, at=on.at, field="list_value")
    elif "list_value" in said:
        changes["list_value"] = None
    elif product is not None and product.list_price is not None:
        changes["list_value"] = product.list_price
    details = replace(command.deal.details, **changes)
    return await command.keep(command.deal.revise(details, pipeline=command.pipeline, on=on))


async def _refuse_second(body: OpenDeal, connection: Connection) -> None:
    if body.lead_id and await deals.leads_with_deals(connection, [body.lead_id]):
        raise LeadHasDealAlready(body.lead_id)
    if body.external_ref and await deals.take_imported(connection, [body.external_ref]):
        raise AlreadyExists("deal", body.external_ref)


def _opening(body: OpenDeal, directory: Directory, *, on: Occasion, pricing: Pricing) -> Opening:
    owners = directory.owners([owner.owner() for owner in body.owners])
    product = directory.product(body.product)
    list_value = None if product is None else product.list_price
    if body.list_value is not None:
        list_value = pricing.settle(body.list_value.money(), at=on.at, field="list_value")
    return Opening(
        details=Details(
            name=body.name,
            customer_id=directory.customer(body.customer_id),
            product=body.product,
            channel=body.channel,
            list_value=list_value,
            expected_close_on=body.expected_close_on,
        ),
        amount=None if body.amount is None else pricing.settle(body.amount.money(), at=on.at),
        owners=owners,
        team=directory.team(body.team) or directory.team_of(owners),
        lead=directory.lead(body.lead_id),
        external_ref=body.external_ref,
    )


def _named(name: str | None) -> set[str]:
    return set() if name is None else {name}
