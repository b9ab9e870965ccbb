"""Deals: won, lost, reopened, handed over, moved among the stages of their pipelines."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, Final

import msgspec

from events.types import pipeline
from kpi_histories.leads import lead_before
from kpi_histories.teller import DAYS, FIRST, OUR_CUSTOMERS, PIPELINE, Teller

_STAGES: Final = {"first": 0, "second": 1, "offer": 2, "signing": 25}
_REASONS: Final[tuple[pipeline.LostReason, ...]] = ("price", "no_budget", "competitor")


def deal(teller: Teller, number: int) -> None:
    rnd = teller.rnd
    at = teller.instant()
    lead = lead_before(teller, number, at) if rnd.random() < 0.4 else None
    deal = pipeline.DealState(
        deal_id=f"d{number}",
        pipeline=rnd.choice(["standard", "large"]),
        stage=(stage := rnd.choice(list(_STAGES))),
        stage_rank=_STAGES[stage],
        status="open",
        episode=1,
        created_at=at,
        owners=teller.owners(),
        dimensions=teller.dimensions(),
        amount=teller.money(),
        customer_id=rnd.choice([*OUR_CUSTOMERS, None]),
        expected_close_on=_expected(teller),
        lead=lead,
        list_value=teller.money() if rnd.random() < 0.7 else None,
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
            stage = teller.rnd.choice(list(_STAGES))
            further = change(deal, stage=stage, stage_rank=_STAGES[stage])
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
                expected_close_on=_expected(teller),
            )
            step = pipeline.DealDetailsChanged(deal=other)
        case "won":
            won = change(deal, status="won", closed_at=at, stage="won", stage_rank=30)
            step = pipeline.DealWon(deal=won)
        case _:
            rank = teller.rnd.choice([deal.stage_rank, deal.stage_rank, 3])
            lost = change(deal, status="lost", closed_at=at, stage="lost", stage_rank=rank)
            reason = teller.rnd.choice(_REASONS)
            step = pipeline.DealLost(deal=lost, reason=reason)
    return step


def _step_after_closing(teller: Teller, deal: pipeline.DealState) -> Any:
    change, luck = msgspec.structs.replace, teller.rnd.random()
    if luck < 0.1:
        return pipeline.DealDeleted(deal=change(deal, status="deleted"))
    if luck < 0.4:
        other = change(deal, dimensions=teller.dimensions(), amount=teller.money())
        return pipeline.DealDetailsChanged(deal=other)
    stage = teller.rnd.choice(list(_STAGES))
    back = change(
        deal,
        status="open",
        closed_at=None,
        episode=deal.episode + 1,
        stage=stage,
        stage_rank=_STAGES[stage],
    )
    return pipeline.DealReopened(deal=back)


def _expected(teller: Teller) -> date | None:
    days = teller.rnd.randrange(DAYS + 60)
    return teller.rnd.choice([None, FIRST + timedelta(days=days)])
