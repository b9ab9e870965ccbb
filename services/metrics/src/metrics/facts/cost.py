"""Costs: money that was spent, on the day that it was incurred."""

from __future__ import annotations

from typing import Final

import msgspec

from events.types import UNKNOWN, Dimensions
from events.types.campaign import CampaignCostRecorded
from events.types.ops import CostKind, CostRecorded, CostVoided
from metrics.engine.company import Company, day_number
from metrics.engine.dimension import NUMBERS, Cut, cut_of
from metrics.engine.entry import Entry
from metrics.engine.moment import Moment, MomentKind
from metrics.facts.sale import Amount, amount_of

COST_DIMENSIONS: Final = ("team", "region", "project", "process")
PROMOTION_DIMENSIONS: Final = ("channel", "segment", "region", "product")

COST_OPERATING: Final = MomentKind(
    name="cost.operating", cube="cost", dimensions=COST_DIMENSIONS, events=(CostRecorded,)
)
COST_ACQUISITION: Final = MomentKind(
    name="cost.acquisition",
    cube="cost.acquisition",
    dimensions=PROMOTION_DIMENSIONS,
    events=(CampaignCostRecorded, CostRecorded),
)
"""Costs of winning customers: those of that kind, and what a campaign told itself."""
COST_OF_PROJECT: Final = MomentKind(
    name="cost.of_project",
    cube="cost.of_project",
    dimensions=("team", "project"),
    events=(CostRecorded,),
)
"""Any cost that names a project, whatever its kind."""
COST_OF_CAMPAIGN: Final = MomentKind(
    name="cost.of_campaign",
    cube="cost.of_campaign",
    dimensions=PROMOTION_DIMENSIONS,
    events=(CampaignCostRecorded, CostRecorded),
)
"""Any cost that names a campaign, and what a campaign told itself."""


class Cost(msgspec.Struct, frozen=True, array_like=True):
    """The last version of a cost entry; without an amount it counts nowhere."""

    incurred: int = 0
    kind: CostKind = "operating"
    amount: Amount | None = None
    cut: Cut = ()
    project: str | None = None
    promotion: Cut = ()
    """The cut of a cost that was to win customers."""
    of_campaign: bool = False


class CostFactKind:
    """See `FactKind`."""

    name = "cost"
    empty = Cost()

    def says(self, kind: MomentKind) -> bool:
        return kind in (COST_OPERATING, COST_ACQUISITION, COST_OF_PROJECT, COST_OF_CAMPAIGN)

    def apply(self, state: Cost, entry: Entry, /, *, key: str, company: Company) -> Cost:  # noqa: ARG002 - as FactKind
        data = entry.data
        if isinstance(data, CostVoided):
            return msgspec.structs.replace(state, amount=None)
        if not isinstance(data, CostRecorded):
            return state
        cut = cut_of(
            team=data.dimensions.team or UNKNOWN,
            region=data.dimensions.region or UNKNOWN,
            project=data.project_id or UNKNOWN,
            process=data.process or UNKNOWN,
        )
        return Cost(
            day_number(data.incurred_on),
            data.kind,
            amount_of(data.amount, company),
            cut,
            data.project_id,
            cut_of_promotion(data.dimensions),
            data.campaign_id is not None,
        )

    def moments(self, state: Cost, _company: Company, /) -> list[Moment]:
        said: list[Moment] = []
        if state.amount is None:
            return said
        base = state.amount.base
        if state.kind == "operating":
            said.append(Moment(COST_OPERATING, state.incurred, state.cut, 1, base))
        if state.kind == "acquisition":
            said.append(Moment(COST_ACQUISITION, state.incurred, state.promotion, 1, base))
        if state.project is not None:
            cut = cut_of(team=state.cut[NUMBERS["team"] - 1], project=state.project)
            said.append(Moment(COST_OF_PROJECT, state.incurred, cut, 1, base))
        if state.of_campaign:
            said.append(Moment(COST_OF_CAMPAIGN, state.incurred, state.promotion, 1, base))
        return said

    def problems(self, _state: Cost, /) -> tuple[str, ...]:
        return ()


def cut_of_promotion(dimensions: Dimensions) -> Cut:
    return cut_of(
        channel=dimensions.channel or UNKNOWN,
        segment=dimensions.segment or UNKNOWN,
        region=dimensions.region or UNKNOWN,
        product=dimensions.product or UNKNOWN,
    )
