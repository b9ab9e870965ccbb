"""Whether the data of a period are fit to be judged at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from metrics.diagnosis.rules import Rules

NEEDED: Final = frozenset({"deal.created", "deal.won", "deal.lost"})
"""Without these there is no funnel, hence no sales to speak of."""


NEEDED_FOR_PROFIT: Final = frozenset({"cost.recorded"})
"""Besides, of acquisition or operations: without any all revenue would be profit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GateFacts:
    """What is known of the completeness of a period."""

    period_end: datetime
    watermark: datetime
    """Everything that happened before it has arrived."""
    present: frozenset[str]
    """Event types that arrived in the period, by their business names."""
    restated_share: float
    """Of the period's facts, those changed after the period ended."""
    needed: frozenset[str] = NEEDED


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why nobody is named, machine-readable, and what data would help: what, and how much of it."""

    reason: str
    helps: Mapping[str, str] = field(default_factory=dict)


def refused(facts: GateFacts, rules: Rules) -> Refusal | None:
    """Step 1 of the procedure: the first that is wanting; None when the data are fit."""
    if facts.watermark < facts.period_end:
        return Refusal(
            reason="period_incomplete", helps={"watermark": facts.period_end.isoformat()}
        )
    absent = sorted(facts.needed - facts.present)
    if absent:
        return Refusal(reason="events_missing", helps={"events": ", ".join(absent)})
    if facts.restated_share >= rules.restated_below:
        found = f"{facts.restated_share:.1%} ≥ {rules.restated_below:.0%}"
        return Refusal(reason="restatement", helps={"restatement": found})
    return None
