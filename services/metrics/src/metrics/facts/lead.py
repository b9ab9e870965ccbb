"""Leads: captured on a day, with the members that they had then."""

from __future__ import annotations

from typing import Final, cast

import msgspec

from events.types import UNKNOWN, Dimensions
from events.types.customer import LeadCaptured
from events.types.pipeline import DealWon
from metrics.engine.company import Company, micros_of
from metrics.engine.dimension import Cut, cut_of
from metrics.engine.entry import Entry
from metrics.engine.moment import Moment, MomentKind

LEAD_DIMENSIONS: Final = ("owner", "team", "channel", "segment", "sector", "region", "product")

LEAD_CAPTURED: Final = MomentKind(
    name="lead.captured", cube="lead", dimensions=LEAD_DIMENSIONS, events=(LeadCaptured,)
)
LEAD_CONVERTED: Final = MomentKind(
    name="lead.converted", cube="lead", dimensions=LEAD_DIMENSIONS, events=(DealWon,)
)
"""On the day of the capture, said by the deal that came of it: a lead has at most one."""

LEAD_EARNED: Final = MomentKind(
    name="lead.earned", cube="lead.earned", dimensions=LEAD_DIMENSIONS, events=(DealWon,)
)
"""What a sale left that a lead led to within `EARNING_DAYS`, on the day of the capture."""

EARNING_DAYS: Final = 365
CONVERSION_DAYS: Final = 90
"""A sale converts its lead when it is made less than so many times 24 hours after the capture."""


class Lead(msgspec.Struct, frozen=True, array_like=True):
    """A lead as far as KPIs need it: later corrections do not move where it was captured."""

    captured: int | None = None
    cut: Cut = ()


def cut_of_lead(owner_id: str | None, dimensions: Dimensions) -> Cut:
    return cut_of(
        owner=owner_id or UNKNOWN,
        team=dimensions.team or UNKNOWN,
        channel=dimensions.channel or UNKNOWN,
        segment=dimensions.segment or UNKNOWN,
        sector=dimensions.sector or UNKNOWN,
        region=dimensions.region or UNKNOWN,
        product=dimensions.product or UNKNOWN,
    )


class LeadKind:
    """See `FactKind`."""

    name = "lead"
    empty = Lead()

    def says(self, kind: MomentKind) -> bool:
        return kind is LEAD_CAPTURED

    def apply(self, state: Lead, entry: Entry, /, *, key: str, company: Company) -> Lead:  # noqa: ARG002 - as FactKind
        if state.captured is not None:
            return state
        lead = cast(LeadCaptured, entry.data).lead
        return Lead(micros_of(lead.captured_at), cut_of_lead(lead.owner_id, lead.dimensions))

    def moments(self, state: Lead, company: Company, /) -> list[Moment]:
        if state.captured is None:
            return []
        return [Moment(LEAD_CAPTURED, company.day(state.captured), state.cut)]

    def problems(self, _state: Lead, /) -> tuple[str, ...]:
        return ()
