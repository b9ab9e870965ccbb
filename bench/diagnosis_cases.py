"""Made-up companies whose true cause is known, to count how often the diagnosis finds it.

A case is two periods of one company, drawn independently from its true rates; in the
second one a fault may have been laid. The generator shares no code with the diagnosis
but the figures that it fills in.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

import numpy as np

from metrics.diagnosis.figures import Band, Figures, Funnel


class Truth(StrEnum):
    NONE = "none"
    SALES = "sales"
    OPERATIONS = "operations"
    MIX = "mix shift only"
    MARKET = "market"
    MIXED = "mixed"
    MARKET_UNSEEN = "market, seen in the win rate only"
    """Leads stay; customers of a falling market just buy less often. A known weakness."""


@dataclass(frozen=True, slots=True)
class Channel:
    """True rates of a channel."""

    share: float
    """Of the workable deals."""
    decided: float
    won: float
    deal_minor: float

    @property
    def worth(self) -> float:
        """Expected revenue of one workable deal."""
        return self.decided * self.won * self.deal_minor


@dataclass(frozen=True, slots=True)
class Tenure:
    """True rates of a tenure band."""

    share: float
    """Of the customer base."""
    active: float
    buying: float


@dataclass(frozen=True, slots=True)
class Company:
    """The truth of one period; counts are per unit of volume."""

    workable: float = 2.2
    base: float = 4.4
    """Twice the workable deals, as in the worked example of the specification."""
    market: float = 1.0
    elasticity: float = 1.0
    """Workable deals and orders move with the market to this power."""
    orders: float = 2.4
    """For each buyer. Above 1 by so much that a fall of the market by 40 % can still show in it."""
    basket_minor: float = 390_000
    deal_cv: float = 0.6
    basket_cv: float = 0.8
    """Both are the spreads that the intervals of the worked example imply."""
    channels: Mapping[str, Channel] = field(
        default_factory=lambda: {
            "referral": Channel(0.40, 0.6, 0.40, 5_000_000),
            "search": Channel(0.45, 0.6, 0.22, 4_500_000),
            "social": Channel(0.15, 0.6, 0.15, 4_000_000),
        }
    )
    bands: Mapping[str, Tenure] = field(
        default_factory=lambda: {
            "0-90": Tenure(0.30, 0.78, 0.70),
            "91-180": Tenure(0.25, 0.68, 0.66),
            "181-365": Tenure(0.25, 0.58, 0.62),
            "older": Tenure(0.20, 0.50, 0.62),
        }
    )


MARKET_MINOR: Final = 50_000_000_000
DRIFT: Final = {"market": 0.01, "base": 0.01}
"""Standard deviations by which these move from period to period, beside any fault."""
FAULTS: Final = (0.20, 0.40)
"""A fault takes this share of the branch of revenue (new or repeat) in which it is laid."""


def case(
    truth: Truth, volume: int, *, random: np.random.Generator, elasticity: float = 1.0
) -> tuple[Figures, Figures]:
    """Figures of both periods; `volume` times 2.2 deals are workable in each."""
    company = Company(elasticity=elasticity)
    if truth is Truth.NONE:
        return _period(company, volume, random), _period(company, volume, random)
    drifted = replace(
        company,
        market=math.exp(random.normal(0, DRIFT["market"])),
        base=company.base * math.exp(random.normal(0, DRIFT["base"])),
    )
    faulty = _faulty(drifted, truth, random)
    return _period(company, volume, random), _period(faulty, volume, random)


def _faulty(company: Company, truth: Truth, random: np.random.Generator) -> Company:
    if truth in {Truth.SALES, Truth.MIXED}:
        company = _sold_worse(company, 1 - random.uniform(*FAULTS), random)
    if truth in {Truth.OPERATIONS, Truth.MIXED}:
        company = _operated_worse(company, 1 - random.uniform(*FAULTS), random)
    if truth is Truth.MIX:
        company = _shifted(company, 1 - random.uniform(*FAULTS))
    if truth in {Truth.MARKET, Truth.MARKET_UNSEEN}:
        left = 1 - random.uniform(*FAULTS)
        company = replace(company, market=company.market * left)
        if truth is Truth.MARKET_UNSEEN:
            company = _scaled(replace(company, workable=company.workable / left), "won", left)
    return company


def _sold_worse(company: Company, left: float, random: np.random.Generator) -> Company:
    return _scaled(company, str(random.choice(["decided", "won", "deal_minor"])), left)


def _scaled(company: Company, factor: str, left: float) -> Company:
    """A rate of all channels at once."""
    channels = {
        name: replace(c, **{factor: getattr(c, factor) * left})
        for name, c in company.channels.items()
    }
    return replace(company, channels=channels)


def _operated_worse(company: Company, left: float, random: np.random.Generator) -> Company:
    match random.choice(["mix", "capture", "active", "buying"]):
        case "mix":
            return _shifted(company, left)
        case "capture":
            return replace(company, workable=company.workable * left)
        case factor:
            bands = {
                name: replace(b, **{str(factor): getattr(b, factor) * left})
                for name, b in company.bands.items()
            }
            return replace(company, bands=bands)


def _shifted(company: Company, left: float) -> Company:
    """Deals come from the worst channel instead of the better ones until `left` of the new
    revenue is left; every channel sells as before.
    """
    worth = sum(c.share * c.worth for c in company.channels.values())
    worst = min(company.channels, key=lambda name: company.channels[name].worth)
    least = company.channels[worst].worth
    kept = (left * worth - least) / (worth - least)
    return replace(
        company,
        channels={
            name: replace(c, share=c.share * kept + (1 - kept) * (name == worst))
            for name, c in company.channels.items()
        },
    )


def _period(company: Company, volume: int, random: np.random.Generator) -> Figures:
    """The market moves workable deals and orders by its size to the power of its
    elasticity.
    """
    workable = company.workable * company.market**company.elasticity * volume
    return Figures(
        market_minor=round(MARKET_MINOR * company.market),
        funnels={
            name: _funnel(channel, workable, cv=company.deal_cv, random=random)
            for name, channel in company.channels.items()
        },
        bands={
            name: _band(band, company, volume, random=random)
            for name, band in company.bands.items()
        },
    )


def _funnel(channel: Channel, workable: float, *, cv: float, random: np.random.Generator) -> Funnel:
    there = int(random.poisson(workable * channel.share))
    decided = int(random.binomial(there, channel.decided))
    won = int(random.binomial(decided, channel.won))
    amount = _amounts(channel.deal_minor, won, cv=cv, random=random)
    return Funnel(workable=there, decided=decided, won=won, amount_minor=amount)


def _band(band: Tenure, company: Company, volume: int, *, random: np.random.Generator) -> Band:
    base = round(company.base * volume * band.share)
    active = int(random.binomial(base, band.active))
    buyers = int(random.binomial(active, band.buying))
    further = company.orders * company.market**company.elasticity - 1
    orders = buyers + int(random.poisson(further * buyers))
    revenue = _amounts(company.basket_minor, orders, cv=company.basket_cv, random=random)
    return Band(base=base, active=active, buyers=buyers, orders=orders, revenue_minor=revenue)


def _amounts(mean: float, count: int, *, cv: float, random: np.random.Generator) -> int:
    """The sum of log-normal amounts."""
    sigma = math.sqrt(math.log1p(cv**2))
    return round(float(random.lognormal(math.log(mean) - sigma**2 / 2, sigma, count).sum()))
