"""What the diagnosis knows of one period: counts and money, cut by channel and by tenure.

Money is in minor units of the base currency. Invariant: everything here is a sum or a
count, so figures of slices add up to those of the whole.
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
class Figures:
    """One period of one scope. Booked revenue is the sum of all its parts less refunds."""

    market_minor: int | None
    """Size of the market of the scope; None when nobody reported it."""
    funnels: Mapping[str, Funnel] = field(default_factory=dict)
    bands: Mapping[str, Band] = field(default_factory=dict)
    reactivated_minor: int = 0
    """Sales to customers whose last sale was more than 365 days before."""
    same_period_minor: int = 0
    """Further sales, in the period, to customers who first bought in it."""
    refunds_minor: int = 0

    @property
    def revenue_minor(self) -> int:
        new = sum(funnel.amount_minor for funnel in self.funnels.values())
        repeat = sum(band.revenue_minor for band in self.bands.values())
        rest = self.reactivated_minor + self.same_period_minor - self.refunds_minor
        return new + repeat + rest

    @property
    def workable(self) -> int:
        return sum(funnel.workable for funnel in self.funnels.values())

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
