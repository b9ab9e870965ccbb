"""Survival: how many are still going on after so many days, those not over yet included.

Kaplan and Meier (1958), "Nonparametric estimation from incomplete observations", JASA 53.
Weights are counts in any unit: an owner's share of a deal is a fraction of one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple


class Survivors(NamedTuple):
    """On the `day`-th day so much ended of what had lasted until then; `share` goes on after it."""

    day: int
    at_risk: int
    ended: int
    share: float


def survival(ended: Mapping[int, int], going_on: Mapping[int, int]) -> list[Survivors]:
    """A step for each duration at which something ended, from weights by duration."""
    at_risk = sum(ended.values()) + sum(going_on.values())
    share = Fraction(1)
    steps = []
    for day in sorted({*ended, *going_on}):
        over = ended.get(day, 0)
        if over:
            share *= 1 - Fraction(over, at_risk)
            steps.append(Survivors(day, at_risk, over, float(share)))
        # What goes on since so many days was at risk on the last of them.
        at_risk -= over + going_on.get(day, 0)
    return steps


def median_of(steps: Sequence[Survivors]) -> int | None:
    """The first day after which no more than half goes on; None when more than that still does."""
    return next((step.day for step in steps if step.share <= 1 / 2), None)
