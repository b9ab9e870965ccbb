"""Commands on one deal: move, amount, reassign, win, lose, reopen. Each needs If-Match."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from chassis.auth import require
from chassis.types import Code, Instant, Note, Text
from pipeline.api.command import DealCommandDep
from pipeline.api.deal_view import DealView
from pipeline.api.fields import (
    Because,
    Dated,
    LostReasonText,
    MoneyBody,
    OwnersBody,
    PricingDep,
)
from pipeline.api.naming import Directory
from pipeline.api.scope import allowed_override, refuse_foreign_team
from pipeline.store.references import Wanted, look_up

router = APIRouter(
    prefix="/v1/deals/{deal_id}", tags=["deals"], dependencies=[require("deals:write")]
)


class MoveDeal(Dated):
    """To another open stage, or on hold."""

    stage: Code
    override_reason: Text | None = None


class ChangeAmount(Dated):
    """Null takes the amount away."""

    amount: MoneyBody | None


class Reassign(Dated):
    """To these owners; left out, the team stays."""

    owners: OwnersBody
    team: Code | None = None


class WinDeal(Dated):
    """At the amount that the deal has."""

    override_reason: Text | None = None


class LoseDeal(Dated):
    """The reason `other` needs a note."""

    reason: LostReasonText
    competitor: Code | None = None
    note: Note | None = None
    override_reason: Text | None = None


@router.post("/move")
async def move_deal(body: MoveDeal, command: DealCommandDep) -> DealView:
    """Go to another stage by the pipeline's rules, or by an override with a reason."""
    override = allowed_override(command.work.actor, body.override_reason)
    on = command.on(body.occurred_at)
    return await command.keep(
        command.deal.move(body.stage, pipeline=command.pipeline, on=on, override=override),
        because=override,
    )


@router.post("/amount")
async def change_amount(
    body: ChangeAmount, command: DealCommandDep, pricing: PricingDep
) -> DealView:
    """Expect another amount."""
    on = command.on(body.occurred_at)
    amount = None if body.amount is None else pricing.settle(body.amount.money(), at=on.at)
    return await command.keep(command.deal.change_amount(amount, pipeline=command.pipeline, on=on))


@router.post("/reassign")
async def reassign_deal(body: Reassign, command: DealCommandDep) -> DealView:
    """Give the deal to other owners, whose weights sum to 10000, or to another team."""
    owners = [owner.owner() for owner in body.owners]
    wanted = Wanted(
        person_ids={owner.owner_id for owner in owners},
        teams=set() if body.team is None else {body.team},
    )
    known = await look_up(command.connection, wanted)
    directory = Directory(known)
    team = directory.team(body.team) or command.deal.team
    refuse_foreign_team(command.work.actor, team)
    on = command.on(body.occurred_at, beside=known.around)
    return await command.keep(
        command.deal.reassign(directory.owners(owners), team=team, pipeline=command.pipeline, on=on)
    )


@router.post("/win")
async def win_deal(command: DealCommandDep, body: WinDeal | None = None) -> DealView:
    """Close the deal as won; it needs a customer."""
    said = body or WinDeal()
    override = allowed_override(command.work.actor, said.override_reason)
    on = command.on(said.occurred_at)
    return await command.keep(
        command.deal.win(pipeline=command.pipeline, on=on, override=override), because=override
    )


@router.post("/lose")
async def lose_deal(body: LoseDeal, command: DealCommandDep) -> DealView:
    """Close the deal as lost, and say why."""
    override = allowed_override(command.work.actor, body.override_reason)
    on = command.on(body.occurred_at)
    return await command.keep(
        command.deal.lose(
            body.reason,
            pipeline=command.pipeline,
            on=on,
            competitor=body.competitor,
            note=body.note,
            override=override,
        ),
        because=override,
    )


@router.post("/reopen")
async def reopen_deal(body: Because, command: DealCommandDep) -> DealView:
    """Take a closing back; the deal returns to the stage that it was closed from."""
    on = command.on(body.occurred_at)
    return await command.keep(
        command.deal.reopen(pipeline=command.pipeline, on=on), because=body.reason
    )


@router.delete("")
async def delete_deal(
    command: DealCommandDep,
    reason: Annotated[Text, Query()],
    occurred_at: Annotated[Instant | None, Query()] = None,
) -> DealView:
    """Take out a deal that was entered by mistake; it counts nowhere any more."""
    return await command.keep(command.deal.delete(on=command.on(occurred_at)), because=reason)
