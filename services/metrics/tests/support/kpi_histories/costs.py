"""Costs: our own, which are voided, and partners', which are replaced and voided."""

from __future__ import annotations

from datetime import timedelta

from events.types import ops
from kpi_histories.teller import DAYS, FIRST, OPS, PARTNERS, Teller


def cost(teller: Teller, number: int) -> None:
    rnd = teller.rnd
    source = rnd.choice([OPS, OPS, PARTNERS[0]])
    cost_id = teller.shared_id() if source != OPS and rnd.random() < 0.4 else f"c{number}"
    at = teller.instant()
    for _ in range(rnd.choice([1, 1, 2])):
        data = ops.CostRecorded(
            cost_id=cost_id,
            kind=rnd.choice(["operating", "operating", "project", "acquisition"]),
            amount=teller.priced(rnd.randrange(100_000)),
            incurred_on=FIRST + timedelta(days=rnd.randrange(DAYS)),
            project_id=rnd.choice([None, "j1", "j2"]),
            process=rnd.choice([None, "support", "pack"]),
            campaign_id=rnd.choice([None, None, "k1"]),
            dimensions=teller.dimensions(),
        )
        teller.say(data, source, at)
        at = teller.later(at)
    if source == OPS and rnd.random() < 0.3:
        teller.say(ops.CostVoided(cost_id=cost_id), source, at)
    elif source != OPS:
        teller.maybe_void(source, cost_id)
