"""Leads, alone and before deals: contacted (sometimes before they were captured), qualified."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec

from events.types import customer, pipeline
from kpi_histories.teller import CUSTOMER, PARTNERS, Teller


def lead(teller: Teller, number: int) -> None:
    """A lead that comes to no deal; a partner's may be voided."""
    source = teller.rnd.choice([CUSTOMER, PARTNERS[1]])
    _tell(teller, source, f"m{number}", teller.instant())
    if source != CUSTOMER:
        teller.maybe_void(source, f"m{number}")


def lead_before(teller: Teller, number: int, deal_at: datetime) -> pipeline.LeadOrigin:
    rnd = teller.rnd
    captured = deal_at - timedelta(days=rnd.randrange(-3, 90), seconds=rnd.randrange(86_400))
    told = _tell(teller, CUSTOMER, f"l{number}", captured)
    return pipeline.LeadOrigin(
        lead_id=told.lead_id,
        captured_at=captured,
        owner_id=told.owner_id,
        dimensions=told.dimensions,
    )


def _tell(teller: Teller, source: str, lead_id: str, captured: datetime) -> customer.LeadState:
    """The whole life of a lead; gives it as it was captured."""
    rnd = teller.rnd
    lead = customer.LeadState(
        lead_id=lead_id,
        status="new",
        captured_at=captured,
        owner_id=rnd.choice(["ann", "bob", None]),
        dimensions=teller.dimensions(),
    )
    teller.say(customer.LeadCaptured(lead=lead), source, captured)
    at = captured
    for _ in range(rnd.randrange(4)):
        at += rnd.choice([timedelta(days=-1), timedelta(minutes=7), timedelta(days=2, seconds=0.3)])
        teller.say(_step(teller, lead), source, at)
    return lead


def _step(teller: Teller, lead: customer.LeadState) -> Any:
    def moved(status: customer.LeadStatus) -> customer.LeadState:
        dimensions = teller.dimensions()
        return msgspec.structs.replace(lead, status=status, dimensions=dimensions, owner_id="cid")

    match teller.rnd.randrange(6):
        case 0:
            return customer.LeadQualified(lead=moved("qualified"))
        case 1:
            return customer.LeadDisqualified(lead=moved("disqualified"), reason="spam")
        case 2:
            return customer.LeadConverted(lead=moved("converted"))
        case 3:
            return customer.LeadDetailsChanged(lead=moved("new"))
        case _:
            return customer.LeadContacted(lead=moved("contacted"))
