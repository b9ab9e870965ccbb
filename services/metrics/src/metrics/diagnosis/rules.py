"""What is policy and not arithmetic in a verdict: who answers for what, and how sure is sure.

Shown with every verdict, because another company would rightly choose otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from metrics.diagnosis.figures import Figures


class Owner(StrEnum):
    """Who answers for a factor: a department, never a person. What was inherited is nobody's
    present doing.
    """

    SALES = "sales"
    OPERATIONS = "operations"
    MARKET = "market"
    INHERITED = "inherited"
    UNASSIGNED = "unassigned"


JUDGED: Final = (Owner.SALES, Owner.OPERATIONS, Owner.MARKET)

DEFAULT_OWNERS: Final[Mapping[str, Owner]] = MappingProxyType(
    {
        "market": Owner.MARKET,
        "capture": Owner.OPERATIONS,
        "leads": Owner.OPERATIONS,
        "lead_mix": Owner.OPERATIONS,
        "qualification": Owner.SALES,
        "opening": Owner.INHERITED,
        "opening_stock": Owner.INHERITED,
        "opening_created": Owner.OPERATIONS,
        "opening_decided": Owner.INHERITED,  # deals decided earlier are no fault
        "opening_aged": Owner.SALES,
        "mix": Owner.OPERATIONS,
        "speed": Owner.SALES,
        "win_rate": Owner.SALES,
        "deal_value": Owner.SALES,
        "list_value": Owner.SALES,
        "discount": Owner.SALES,
        "base": Owner.INHERITED,
        "base_stock": Owner.INHERITED,
        # Who failed to win the customers of last year only a diagnosis of last year can say.
        "base_acquired": Owner.UNASSIGNED,
        "base_returned": Owner.OPERATIONS,
        "base_lapsed": Owner.OPERATIONS,
        "tenure": Owner.INHERITED,
        "activity": Owner.OPERATIONS,
        "buying": Owner.OPERATIONS,
        "frequency": Owner.OPERATIONS,
        "basket": Owner.OPERATIONS,
        "reactivation": Owner.OPERATIONS,
        "same_period": Owner.OPERATIONS,
        "refunds": Owner.OPERATIONS,
        "unmatched": Owner.UNASSIGNED,
        "lead_count": Owner.OPERATIONS,
        "cost_per_lead": Owner.OPERATIONS,
        "work_volume": Owner.UNASSIGNED,  # it follows from what was sold
        "unit_cost": Owner.OPERATIONS,
        "other_costs": Owner.OPERATIONS,
    }
)
CONTESTED: Final[Mapping[str, Owner]] = MappingProxyType(
    {
        "qualification": Owner.OPERATIONS,
        "frequency": Owner.SALES,
        "basket": Owner.SALES,
    }
)
"""Factors that a company may as well give to the other department: leads can be qualified
by marketing, and repeat orders sold by account managers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Floors:
    """What each period must have before a department is named."""

    decided: int = 30
    won: int = 10
    lost: int = 10
    base: int = 100
    buyers: int = 20

    def missing(self, figures: Figures) -> dict[str, tuple[int, int]]:
        """What there is and what there should be, of all that is below its floor."""
        there = {
            "decided": figures.decided,
            "won": figures.won,
            "lost": figures.decided - figures.won,
            "base": figures.base,
            "buyers": figures.buyers,
        }
        return {
            name: (count, getattr(self, name))
            for name, count in there.items()
            if count < getattr(self, name)
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """One version of the policy."""

    version: str = "1"
    owners: Mapping[str, Owner] = field(default_factory=lambda: DEFAULT_OWNERS)
    contested: Mapping[str, Owner] = field(default_factory=lambda: CONTESTED)
    """What the alternative owner map changes; a verdict that flips with it is not robust."""
    elasticity: float = 1.0
    """By how many per cent results move with one per cent of the market."""
    elasticities: tuple[float, ...] = (0.5, 1.5)
    """Others that are as plausible; a verdict that flips with them is not robust."""
    floors: Floors = field(default_factory=Floors)
    season: tuple[float, ...] | None = None
    """The usual volume of the twelve months, January first, in any unit; None while nobody said.
    History shorter than 13 months cannot tell it.
    """
    restated_below: float = 0.05
    """Share of the facts that may still have changed lately."""
    material_fall: float = 0.03
    material_confidence: float = 0.92
    material_z: float = -2.0
    significant_confidence: float = 0.96
    """Both a little stricter than the usual 0.90 and 0.95, by which 5.5 % of quiet
    periods end with a name; so it is 4.5 %, and faults are found as often (decision 28).
    """
    sole_share: float = 0.5
    """From this share of the blame on, a class can be the cause."""
    mixed_share: float = 0.25
    mixed_below: float = 0.7
    coupled_within: float = 0.25
    """Capture and speed that cancel out up to this share of the smaller are one: a longer queue."""
    high_probability: float = 0.9
    medium_probability: float = 0.7
    drill_share: float = 0.67
    false_discoveries: float = 0.1
    """Benjamini-Hochberg's q: of what is shown as changed, this share may be chance."""
    draws: int = 4_000
