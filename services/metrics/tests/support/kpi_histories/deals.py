"""Deals, and the leads that they come from."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec

from events.types import customer, pipeline
from kpi_histories.teller import CUSTOMER, OUR_CUSTOMERS, PIPELINE, Teller


def deal(teller: Teller, number: int) -> None:
    rnd = teller.rnd
    at = teller.instant()
    lead = _lead(teller, number, at) if rnd.random() < 0.4 else None
    deal = pipeline.DealState(
        deal_id=f"d{number}",
        pipeline=rnd.choice(["standard", "large"]),
        stage="first",
        stage_rank=0,
        status="open",
        episode=1,
        created_at=at,
        owners=teller.owners(),
        dimensions=teller.dimensions(),
        amount=teller.money(),
        customer_id=rnd.choice([*OUR_CUSTOMERS, None]),
        lead=lead,
    )
    teller.say(pipeline.DealCreated(deal=deal), PIPELINE, at)
    for _ in range(rnd.randrange(6)):
        at = teller.later(at)
        if lead and rnd.random() < 0.4:
            edge = timedelta(days=90, microseconds=rnd.choice([-1, 0, 1]))
            at = max(at, lead.captured_at + edge)
        data = _step(teller, deal, at)
        deal = data.deal
        # The sequence decides, also against a clock that was set back.
        spoken = at - timedelta(days=2) if rnd.random() < 0.1 else at
        teller.say(data, PIPELINE, spoken)
        if deal.status == "deleted":
            break
    teller.known["sale"].append(("deal", "", deal.deal_id))


def _step(teller: Teller, deal: pipeline.DealState, at: datetime) -> Any:
    change = msgspec.structs.replace
    if deal.status != "open":
        return _step_after_closing(teller, deal)
    match teller.rnd.choice(["stage", "amount", "owners", "details", "won", "won", "lost"]):
        case "stage":
            further = change(deal, stage="second", stage_rank=1)
            step: Any = pipeline.DealStageChanged(deal=further, from_stage=deal.stage)
        case "amount":
            step = pipeline.DealAmountChanged(deal=change(deal, amount=teller.money()))
        case "owners":
            other = change(deal, owners=teller.owners(), dimensions=teller.dimensions())
            step = pipeline.DealReassigned(deal=other)
        case "details":
            other = change(
                deal,
                dimensions=teller.dimensions(),
                customer_id=teller.rnd.choice([*OUR_CUSTOMERS, None]),
            )
            step = pipeline.DealDetailsChanged(deal=other)
        case "won":
            step = pipeline.DealWon(deal=change(deal, status="won", closed_at=at))
        case _:
            lost = change(deal, status="lost", closed_at=at)
            step = pipeline.DealLost(deal=lost, reason="price")
    return step


def _step_after_closing(teller: Teller, deal: pipeline.DealState) -> Any:
    change, luck = msgspec.structs.replace, teller.rnd.random()
    if luck < 0.1:
        return pipeline.DealDeleted(deal=change(deal, status="deleted"))
    if luck < 0.4:
        other = change(deal, dimensions=teller.dimensions(), amount=teller.money())
        return pipeline.DealDetailsChanged(deal=other)
    back = change(deal, status="open", closed_at=None, episode=deal.episode + 1)
    return pipeline.DealReopened(deal=back)


def _lead(teller: Teller, number: int, deal_at: datetime) -> pipeline.LeadOrigin:
    rnd = teller.rnd
    captured = deal_at - timedelta(days=rnd.randrange(-3, 90), seconds=rnd.randrange(86_400))
    lead = customer.LeadState(
        lead_id=f"l{number}",
        status="new",
        captured_at=captured,
        owner_id=rnd.choice(["ann", "bob", None]),
        dimensions=teller.dimensions(),
    )
    teller.say(customer.LeadCaptured(lead=lead), CUSTOMER, captured)
    if rnd.random() < 0.5:
        moved = msgspec.structs.replace(
            lead, status="contacted", dimensions=teller.dimensions(), owner_id="cid"
        )
        teller.say(customer.LeadContacted(lead=moved), CUSTOMER, teller.later(captured))
    return pipeline.LeadOrigin(
        lead_id=lead.lead_id,
        captured_at=captured,
        owner_id=lead.owner_id,
        dimensions=lead.dimensions,
    )
