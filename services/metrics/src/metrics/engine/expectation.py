"""KPIs of what is not yet: what open deals will bring, and what customers will leave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from metrics.engine.kpi import Class, Kpi, Ratio, Unit
from metrics.engine.measure import Measure, Sum


@dataclass(frozen=True, kw_only=True)
class Forecast(Kpi):
    """What is open, each step at the share of it that was won in the last months.

    All sums are binned by the step. A share is shrunk towards that of all steps by
    `weight` deals, for a step that few deals have left yet says little. Shares are the
    company's, whatever is asked for: a team's own would be too few.
    """

    open: Sum
    n: Sum
    won: Sum
    decided: Sum
    weight: int = 20

    @property
    def unit(self) -> Unit:
        return "money"

    @property
    def kind(self) -> Class:
        return "stock"

    def sums(self) -> Mapping[str, Sum]:
        return {"numerator": self.open, "n": self.n}

    def shares(self) -> Ratio:
        """What the company's shares are worked out from."""
        return self.part(
            Ratio,
            numerator=self.won,
            denominator=self.decided,
        )

    def measures(self) -> set[Measure]:
        return super().measures() | self.shares().measures()


@dataclass(frozen=True, kw_only=True)
class Model(Kpi):
    """What customers are expected to leave in the 12 months after a period, for each of them.

    Fitted to the `purchases` of those whom `customers` counts, as of the period's end, so it is
    no sum of anything (see `metrics.models`). Null below `floor` customers, and where the model
    was wrong by more than `tolerance` about what it could not know. `discount` is by the year.
    """

    customers: Sum
    purchases: Sum
    floor: int
    tolerance: float
    discount: float

    @property
    def unit(self) -> Unit:
        return "money"

    @property
    def kind(self) -> Class:
        return "model"

    def sums(self) -> Mapping[str, Sum]:
        return {"n": self.customers, "purchases": self.purchases}
