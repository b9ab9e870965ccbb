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
    """Who answers for a factor. What was inherited is nobody's present doing."""

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
        "mix": Owner.OPERATIONS,
        "speed": Owner.SALES,
        "win_rate": Owner.SALES,
        "deal_value": Owner.SALES,
        "base": Owner.INHERITED,
        "tenure": Owner.INHERITED,
        "activity": Owner.OPERATIONS,
        "buying": Owner.OPERATIONS,
        "frequency": Owner.OPERATIONS,
        "basket": Owner.OPERATIONS,
        "reactivation": Owner.OPERATIONS,
        "same_period": Owner.OPERATIONS,
        "refunds": Owner.OPERATIONS,
    }
)


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
    elasticity: float = 1.0
    """By how many per cent results move with one per cent of the market."""
    floors: Floors = field(default_factory=Floors)
    material_fall: float = 0.03
    material_confidence: float = 0.90
    material_z: float = -2.0
    significant_confidence: float = 0.95
    sole_share: float = 0.5
    """From this share of the blame on, a class can be the cause."""
    mixed_share: float = 0.25
    mixed_below: float = 0.7
    coupled_within: float = 0.25
    """Capture and speed that cancel out up to this share of the smaller are one: a longer queue."""
    draws: int = 4_000
