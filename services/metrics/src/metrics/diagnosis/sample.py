"""A period as rates and means: as they were observed, or as they might as well have been.

Draws are from the Jeffreys posteriors of the rates (Beta with halves), Gamma for counts,
and log-normal for means, so that Var(ln rate) = (1-p)/(np), Var(ln count) = 1/n and
Var(ln mean) = cv²/n to first order (kpis.md section 5). The market and the customer base
are known, not sampled.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from metrics.diagnosis.attribution import Values
from metrics.diagnosis.figures import Band, Figures, Funnel


@dataclass(frozen=True, slots=True)
class FunnelSample:
    workable: Values
    decided_share: Values
    won_share: Values
    mean_minor: Values


@dataclass(frozen=True, slots=True)
class BandSample:
    base: Values
    active_share: Values
    buying_share: Values
    orders_each: Values
    mean_minor: Values


@dataclass(frozen=True, slots=True)
class Sample:
    """Undefined shares and means (0/0) are NaN."""

    market: Values
    """1 when it is not known."""
    funnels: Mapping[str, FunnelSample]
    bands: Mapping[str, BandSample]
    rest: Mapping[str, Values]


def observed(figures: Figures) -> Sample:
    """The period as it was."""
    return Sample(
        market=_market(figures),
        funnels={
            name: FunnelSample(
                workable=np.asarray(float(f.workable)),
                decided_share=_share(f.decided, f.workable),
                won_share=_share(f.won, f.decided),
                mean_minor=_share(f.amount_minor, f.won),
            )
            for name, f in figures.funnels.items()
        },
        bands={
            name: BandSample(
                base=np.asarray(float(b.base)),
                active_share=_share(b.active, b.base),
                buying_share=_share(b.buyers, b.active),
                orders_each=_share(b.orders, b.buyers),
                mean_minor=_share(b.revenue_minor, b.orders),
            )
            for name, b in figures.bands.items()
        },
        rest=_rest(figures),
    )


def drawn(figures: Figures, *, draws: int, random: np.random.Generator) -> Sample:
    """`draws` periods that could have produced these figures."""
    posterior = _Posterior(draws, random)
    return Sample(
        market=_market(figures),
        funnels={name: posterior.funnel(f) for name, f in sorted(figures.funnels.items())},
        bands={name: posterior.band(b) for name, b in sorted(figures.bands.items())},
        rest=_rest(figures),
    )


class _Posterior:
    """Draws what could have been; nothing is drawn where there was nothing to observe."""

    def __init__(self, draws: int, random: np.random.Generator) -> None:
        self._draws = draws
        self._random = random

    def funnel(self, f: Funnel) -> FunnelSample:
        return FunnelSample(
            workable=self._count(f.workable),
            decided_share=self._share(f.decided, f.workable),
            won_share=self._share(f.won, f.decided),
            mean_minor=self._mean(f.amount_minor, f.won, cv=f.amount_cv),
        )

    def band(self, b: Band) -> BandSample:
        # Every buyer orders once; only what is beyond that can vary.
        further = self._count(b.orders - b.buyers)
        return BandSample(
            base=np.full(self._draws, float(b.base)),
            active_share=self._share(b.active, b.base),
            buying_share=self._share(b.buyers, b.active),
            orders_each=1 + further / b.buyers if b.buyers else self._undefined(),
            mean_minor=self._mean(b.revenue_minor, b.orders, cv=b.basket_cv),
        )

    def _count(self, count: int) -> Values:
        """A structural zero (a channel that is not there) stays one."""
        return self._random.gamma(count, size=self._draws) if count else np.zeros(self._draws)

    def _share(self, part: int, whole: int) -> Values:
        if not whole:
            return self._undefined()
        return self._random.beta(part + 0.5, whole - part + 0.5, size=self._draws)

    def _mean(self, total: int, count: int, *, cv: float) -> Values:
        if not count:
            return self._undefined()
        spread = math.sqrt(math.log1p(cv**2 / count))
        logarithms = self._random.normal(-(spread**2) / 2, spread, size=self._draws)
        mean: Values = (total / count) * np.exp(logarithms)
        return mean

    def _undefined(self) -> Values:
        return np.full(self._draws, np.nan)


def _market(figures: Figures) -> Values:
    return np.asarray(1.0 if figures.market_minor is None else float(figures.market_minor))


def _rest(figures: Figures) -> dict[str, Values]:
    return {
        "reactivation": np.asarray(float(figures.reactivated_minor)),
        "same_period": np.asarray(float(figures.same_period_minor)),
        "refunds": np.asarray(-float(figures.refunds_minor)),
    }


def _share(part: int, whole: int) -> Values:
    return np.asarray(part / whole if whole else np.nan)
