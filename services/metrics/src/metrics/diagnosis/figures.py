"""What the diagnosis knows of one period: counts and money, cut by channel and by tenure.

Money is in minor units of the base currency. Invariant: everything here is a sum or a
count, so figures of slices add up to those of the whole. What is optional splits a
factor further where every slice of both periods has it, and changes nothing elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Funnel:
    """Fresh deals of one channel that could be worked on in the period, and how far they came."""

    workable: int
    """Open at the start and fresh, or created in the period."""
    decided: int
    """Of those, won or lost in the period."""
    won: int
    amount_minor: int
    """Booked by the won ones."""
    amount_cv: float = 0.6
    """Coefficient of variation of a won deal's amount."""
    opened: int | None = None
    """Of the workable ones, those already open at the start."""
    leads: int | None = None
    """Captured in the period; deals created per lead is what sales qualified."""
    list_minor: int | None = None
    """What the won ones would have brought without discount."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """Customers with a sale in the 365 days before the period, of one tenure."""

    base: int
    active: int
    """Of the base, those who did anything in the period; buyers count as active."""
    buyers: int
    orders: int
    revenue_minor: int
    basket_cv: float = 0.8
    """Coefficient of variation of an order's revenue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseFlows:
    """What made the customer base in the twelve months before the period."""

    acquired: int
    returned: int
    lapsed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineFlows:
    """What made the opening pipeline in the twelve months before the period."""

    created: int
    decided: int
    aged: int
    """Left open until too old to count as fresh."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """What so many of something cost; all of it is known, nothing is sampled."""

    count: int
    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What is taken off revenue in the profit lens."""

    acquisition: Mapping[str, Spending]
    """By channel: its leads, and what was spent to win customers."""
    work: Mapping[str, Spending]
    """By process: its runs, and what they cost."""

    @property
    def amount_minor(self) -> int:
        spent = (*self.acquisition.values(), *self.work.values())
        return sum(one.amount_minor for one in spent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One period of one scope. Booked revenue is the sum of all its parts less refunds."""

    market_minor: int | None
    """Size of the market of the scope; None when nobody reported it."""
    market_provisional: bool = False
    """Whether that size may still be corrected."""
    funnels: Mapping[str, Funnel] = field(default_factory=dict)
    bands: Mapping[str, Band] = field(default_factory=dict)
    reactivated_minor: int = 0
    """Sales to customers whose last sale was more than 365 days before."""
    same_period_minor: int = 0
    """Further sales, in the period, to customers who first bought in it."""
    refunds_minor: int = 0
    base_flows: BaseFlows | None = None
    pipeline_flows: PipelineFlows | None = None
    costs: Costs | None = None
    """Told only where profit is asked about, and not revenue."""
    season: float = 1.0
    """By what the period is multiplied to stand in for another season: its volume, no rate."""

    @property
    def result_minor(self) -> int:
        """What is judged: revenue, or what the costs have left of it."""
        costs = 0 if self.costs is None else self.costs.amount_minor
        return self.revenue_minor - round(costs * self.season)

    @property
    def revenue_minor(self) -> int:
        new = sum(funnel.amount_minor for funnel in self.funnels.values())
        repeat = sum(band.revenue_minor for band in self.bands.values())
        rest = self.reactivated_minor + self.same_period_minor - self.refunds_minor
        return round((new + repeat + rest) * self.season)

    @property
    def workable(self) -> int:
        return sum(funnel.workable for funnel in self.funnels.values())

    @property
    def opened(self) -> int | None:
        """Fresh deals open at the start; None unless every channel says them."""
        known = [funnel.opened for funnel in self.funnels.values() if funnel.opened is not None]
        return sum(known) if len(known) == len(self.funnels) else None

    @property
    def decided(self) -> int:
        return sum(funnel.decided for funnel in self.funnels.values())

    @property
    def won(self) -> int:
        return sum(funnel.won for funnel in self.funnels.values())

    @property
    def base(self) -> int:
        return sum(band.base for band in self.bands.values())

    @property
    def buyers(self) -> int:
        return sum(band.buyers for band in self.bands.values())
