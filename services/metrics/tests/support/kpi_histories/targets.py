"""Targets of several scopes and lengths, set again and withdrawn."""

from __future__ import annotations

from typing import Any

from events.types import pipeline
from kpi_histories.teller import BASE, PIPELINE, Teller

ANY = ("win_rate", "pipeline_open", "cac", "time_saved")


def target(teller: Teller, number: int) -> None:
    rnd = teller.rnd
    scope: Any = rnd.choice(["company", "company", "team", "owner", "product", "process"])
    second: Any = None
    if scope != "company" and rnd.random() < 0.3:
        second = rnd.choice([name for name in ("product", "owner", "team") if name != scope])
    at = teller.instant()
    value = rnd.randrange(1, 900_000)
    kpi = rnd.choice(["revenue_net", "revenue_net", "operating_cost", *ANY])
    periods = rnd.choice(
        [["2024-Q2"], ["2024"], ["2024-03"], ["2024-04", "2024-05", "2024-06"], ["2024-05"]]
    )
    for place, period in enumerate(periods):
        for _ in range(rnd.choice([1, 1, 2])):
            data = pipeline.TargetSet(
                target_id=f"t{number}-{place}",
                kpi=kpi,
                scope=scope,
                scope_value=None if scope == "company" else rnd.choice(["ann", "north", "p1"]),
                second_scope=second,
                second_scope_value=rnd.choice(["p0", "p1", "north"]) if second else None,
                period=period,
                value=None if rnd.random() < 0.1 else value,
                currency="EUR" if rnd.random() < 0.1 else BASE,
            )
            teller.say(data, PIPELINE, at)
            value, at = rnd.randrange(1, 900_000), teller.later(at)
