"""Campaigns: what was spent to win leads, on the day that it was incurred."""

from __future__ import annotations

import msgspec

from events.types.campaign import CampaignCostRecorded
from metrics.engine.company import Company, day_number
from metrics.engine.dimension import Cut
from metrics.engine.entry import Entry
from metrics.engine.moment import Moment, MomentKind
from metrics.facts.cost import COST_ACQUISITION, COST_OF_CAMPAIGN, cut_of_promotion
from metrics.facts.sale import Amount, amount_of


class Spending(msgspec.Struct, frozen=True, array_like=True):
    """A cost of the campaign, with the channel and product that it had then."""

    incurred: int
    amount: Amount
    cut: Cut


class Campaign(msgspec.Struct, frozen=True, array_like=True):
    """The last version of each cost, by its id."""

    costs: dict[str, Spending] = {}


class CampaignKind:
    """See `FactKind`."""

    name = "campaign"
    empty = Campaign()

    def says(self, kind: MomentKind) -> bool:
        return kind in (COST_OF_CAMPAIGN, COST_ACQUISITION)

    def apply(self, state: Campaign, entry: Entry, /, *, key: str, company: Company) -> Campaign:  # noqa: ARG002 - as FactKind
        data = entry.data
        if not isinstance(data, CampaignCostRecorded):
            return state
        amount = amount_of(data.amount, company)
        assert amount is not None
        cut = cut_of_promotion(data.campaign.dimensions)
        spending = Spending(day_number(data.incurred_on), amount, cut)
        return Campaign({**state.costs, data.cost_id: spending})

    def moments(self, state: Campaign, _company: Company, /) -> list[Moment]:
        return [
            Moment(kind, one.incurred, one.cut, 1, one.amount.base)
            for one in state.costs.values()
            for kind in (COST_OF_CAMPAIGN, COST_ACQUISITION)
        ]

    def problems(self, _state: Campaign, /) -> tuple[str, ...]:
        return ()
