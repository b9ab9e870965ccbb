"""Events of campaigns (context `ops`): what was done to win leads, and what it cost."""

from __future__ import annotations

from datetime import date

import msgspec

from events.money import Money
from events.types.base import Dimensions, EventData, Id


class CampaignState(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """The campaign after the event; its channel and product are among the dimensions."""

    campaign_id: Id
    starts_on: date
    ends_on: date | None = None
    owner_id: Id | None = None
    dimensions: Dimensions = Dimensions()
    budget: Money | None = None


class _CampaignEvent(EventData, frozen=True, kw_only=True, omit_defaults=True):
    campaign: CampaignState

    @property
    def subject(self) -> str:
        return self.campaign.campaign_id


class CampaignLaunched(_CampaignEvent, frozen=True, kw_only=True, omit_defaults=True):
    """A campaign began."""

    wire_type = "com.tandem.ops.campaign.launched.v1"
    topic = "ops"
    from_partners = True


class CampaignCostRecorded(_CampaignEvent, frozen=True, kw_only=True, omit_defaults=True):
    """Money was spent on a campaign; the same `cost_id` again replaces the amount.

    Tell a cost once: here, or as `cost.recorded` with a `campaign_id`.
    """

    wire_type = "com.tandem.ops.campaign.cost_recorded.v1"
    topic = "ops"
    from_partners = True

    cost_id: Id
    amount: Money
    incurred_on: date

    @property
    def counts_on(self) -> date:
        return self.incurred_on


class CampaignEnded(_CampaignEvent, frozen=True, kw_only=True, omit_defaults=True):
    """A campaign is over; costs and leads of it may still come."""

    wire_type = "com.tandem.ops.campaign.ended.v1"
    topic = "ops"
    from_partners = True
