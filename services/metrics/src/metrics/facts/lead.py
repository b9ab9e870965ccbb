"""Leads: captured on a day, with the members that they had then; answered, found worth a try.

All that becomes of a lead counts on the day of its capture.
"""

from __future__ import annotations

from typing import Final, cast

import msgspec

from events.types import UNKNOWN, Dimensions
from events.types.customer import LeadCaptured, LeadContacted, LeadQualified, LeadStatus
from events.types.pipeline import DealWon
from metrics.engine.company import Company, micros_of
from metrics.engine.dimension import Cut, cut_of
from metrics.engine.entry import Entry
from metrics.engine.moment import Moment, MomentKind
from metrics.engine.sketch import bin_of

LEAD_DIMENSIONS: Final = ("owner", "team", "channel", "segment", "sector", "region", "product")

LEAD_CAPTURED: Final = MomentKind(
    name="lead.captured", cube="lead", dimensions=LEAD_DIMENSIONS, events=(LeadCaptured,)
)
LEAD_CONTACTED: Final = MomentKind(
    name="lead.contacted", cube="lead", dimensions=LEAD_DIMENSIONS, events=(LeadContacted,)
)
"""Its bin is the working minutes until then, as sketches count them."""
LEAD_QUALIFIED: Final = MomentKind(
    name="lead.qualified", cube="lead", dimensions=LEAD_DIMENSIONS, events=(LeadQualified,)
)
LEAD_CONVERTED: Final = MomentKind(
    name="lead.converted", cube="lead", dimensions=LEAD_DIMENSIONS, events=(DealWon,)
)
"""On the day of the capture, said by the deal that came of it: a lead has at most one."""
LEAD_CONVERTED_SOON: Final = MomentKind(
    name="lead.converted_soon", cube="lead", dimensions=LEAD_DIMENSIONS, events=(DealWon,)
)
"""Besides, of a lead that was converted within `SOON_DAYS`: beside all that were it tells slower
from fewer.
"""

LEAD_EARNED: Final = MomentKind(
    name="lead.earned", cube="lead.earned", dimensions=LEAD_DIMENSIONS, events=(DealWon,)
)
"""What a sale left that a lead led to within `EARNING_DAYS`, on the day of the capture."""

EARNING_DAYS: Final = 365
CONVERSION_DAYS: Final = 90
"""A sale converts its lead when it is made less than so many times 24 hours after the capture."""
SOON_DAYS: Final = 30

_QUALIFIED: Final = ("qualified", "converted")
"""What a lead is that was found worth a try, unless it was given up later."""


class Lead(msgspec.Struct, frozen=True, array_like=True):
    """A lead as far as KPIs need it: later corrections do not move where it was captured."""

    captured: int | None = None
    cut: Cut = ()
    contacted: int | None = None
    status: LeadStatus = "new"


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
        return kind in (LEAD_CAPTURED, LEAD_CONTACTED, LEAD_QUALIFIED)

    def apply(self, state: Lead, entry: Entry, /, *, key: str, company: Company) -> Lead:  # noqa: ARG002 - as FactKind
        lead = cast(LeadCaptured, entry.data).lead
        if state.captured is None:
            cut = cut_of_lead(lead.owner_id, lead.dimensions)
            state = Lead(micros_of(lead.captured_at), cut)
        contacted = state.contacted
        if contacted is None and isinstance(entry.data, LeadContacted):
            contacted = entry.occurred
        return Lead(state.captured, state.cut, contacted, lead.status)

    def moments(self, state: Lead, company: Company, /) -> list[Moment]:
        if state.captured is None:
            return []
        on, cut = company.day(state.captured), state.cut
        said = [Moment(LEAD_CAPTURED, on, cut)]
        if state.contacted is not None:
            said.append(Moment(LEAD_CONTACTED, on, cut, bin=_minutes_until_answer(state, company)))
        if state.status in _QUALIFIED:
            said.append(Moment(LEAD_QUALIFIED, on, cut))
        return said

    def problems(self, state: Lead, /) -> tuple[str, ...]:
        return ("contacted_before_captured",) if _was_early(state) else ()


def _minutes_until_answer(state: Lead, company: Company) -> int | None:
    if state.captured is None or state.contacted is None or _was_early(state):
        return None
    return bin_of(company.working_minutes(state.captured, state.contacted))


def _was_early(state: Lead) -> bool:
    """Whether the lead was contacted before it was captured: its minutes count nowhere."""
    if state.captured is None or state.contacted is None:
        return False
    return state.contacted < state.captured
