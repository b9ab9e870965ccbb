"""Campaigns, with costs that are told again."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from events.types import campaign as events
from kpi_histories.teller import DAYS, FIRST, OPS, PARTNERS, Teller


def campaign(teller: Teller, number: int) -> None:
    rnd, source = teller.rnd, teller.rnd.choice([OPS, PARTNERS[1]])
    campaign_id = f"k{number}" if source == OPS or rnd.random() < 0.7 else teller.shared_id()
    at = teller.instant()
    state = events.CampaignState(
        campaign_id=campaign_id, starts_on=FIRST, dimensions=teller.dimensions()
    )
    teller.say(events.CampaignLaunched(campaign=state), source, at)
    for _ in range(rnd.randrange(4)):
        at = teller.later(at)
        if rnd.random() < 0.5:
            state = msgspec.structs.replace(state, dimensions=teller.dimensions())
        data = events.CampaignCostRecorded(
            campaign=state,
            cost_id=rnd.choice(["print", "fair"]),
            amount=teller.priced(rnd.randrange(100_000)),
            incurred_on=FIRST + timedelta(days=rnd.randrange(DAYS)),
        )
        teller.say(data, source, at)
    if rnd.random() < 0.3:
        teller.say(events.CampaignEnded(campaign=state), source, teller.later(at))
    if source != OPS:
        teller.maybe_void(source, campaign_id)
