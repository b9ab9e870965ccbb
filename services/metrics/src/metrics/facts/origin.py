"""What a won deal says of the lead that it came from, on the day of the lead's capture."""

from __future__ import annotations

import msgspec

from events.types.pipeline import DealState
from metrics.engine.company import DAY, Company, micros_of
from metrics.engine.dimension import Cut
from metrics.engine.moment import Moment
from metrics.facts.lead import (
    CONVERSION_DAYS,
    EARNING_DAYS,
    LEAD_CONVERTED,
    LEAD_CONVERTED_SOON,
    LEAD_EARNED,
    SOON_DAYS,
    cut_of_lead,
)
from metrics.facts.sale import Amount, Refunds, fully_refunded, net_of


class Origin(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The lead that a deal came from, as captured."""

    captured: int
    cut: Cut


def origin_of(deal: DealState) -> Origin | None:
    lead = deal.lead
    if lead is None:
        return None
    return Origin(micros_of(lead.captured_at), cut_of_lead(lead.owner_id, lead.dimensions))


def origin_moments(
    origin: Origin, closed: int, *, amount: Amount | None, refunds: Refunds, company: Company
) -> list[Moment]:
    """Of a deal that was won; one that was refunded whole converted nobody."""
    elapsed = closed - origin.captured
    if elapsed < 0:
        return []
    on, cut = company.day(origin.captured), origin.cut
    kept = not fully_refunded(amount, refunds)
    said = []
    if kept and elapsed < CONVERSION_DAYS * DAY:
        said.append(Moment(LEAD_CONVERTED, on, cut))
    if kept and elapsed < SOON_DAYS * DAY:
        said.append(Moment(LEAD_CONVERTED_SOON, on, cut))
    if elapsed < EARNING_DAYS * DAY:
        said.append(Moment(LEAD_EARNED, on, cut, 1, net_of(amount, refunds)))
    return said
