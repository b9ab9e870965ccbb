"""A period as rates and means: as they were observed, or as they might as well have been.

Draws are from the Jeffreys posteriors of the rates (Beta with halves), Gamma for counts,
and log-normal for means, so that Var(ln rate) = (1-p)/(np), Var(ln count) = 1/n and
Var(ln mean) = cv²/n to first order. What was counted before the period
began is known, not sampled: the market, the customer base, the opening pipeline.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from metrics.diagnosis.attribution import Values
from metrics.diagnosis.figures import Band, Figures, Funnel, Spending


@dataclass(frozen=True, slots=True)
class FunnelSample:
    workable: Values
    opened: Values
    leads: Values
    qualified_share: Values
    """Deals created for each lead."""
    decided_share: Values
    won_share: Values
    mean_minor: Values
    paid_share: Values
    """Of the list value, what was booked: 1 - discount."""


@dataclass(frozen=True, slots=True)
class BandSample:
    base: Values
    active_share: Values
    buying_share: Values
    orders_each: Values
    mean_minor: Values


@dataclass(frozen=True, slots=True)
class SpendingSample:
    """`beside` is what was spent where there was nothing to divide it by."""

    count: Values
    each_minor: Values
    beside: Values


@dataclass(frozen=True, slots=True)
class Sample:
    """Undefined shares and means (0/0), and what is not known, are NaN."""

    market: Values
    """1 when it is not known."""
    funnels: Mapping[str, FunnelSample]
    bands: Mapping[str, BandSample]
    rest: Mapping[str, Values]
    base_flows: Mapping[str, Values]
    """Factor to its part of the customer base; empty when the flows are not known."""
    opening_flows: Mapping[str, Values]
    """The same of the opening pipeline."""
    acquisition: Mapping[str, SpendingSample]
    work: Mapping[str, SpendingSample]


def observed(figures: Figures) -> Sample:
    """The period as it was."""
    return _sample(figures, _Observed())


def drawn(figures: Figures, *, draws: int, random: np.random.Generator) -> Sample:
    """`draws` periods that could have produced these figures."""
    return _sample(figures, _Drawn(draws, random))


class _Observed:
    def count(self, count: int) -> Values:
        return np.asarray(float(count))

    def share(self, part: int, whole: int) -> Values:
        return np.asarray(part / whole if whole else np.nan)

    def mean(self, total: int, count: int, *, cv: float) -> Values:  # noqa: ARG002  as drawn
        return self.share(total, count)


class _Drawn:
    """Draws what could have been; nothing is drawn where there was nothing to observe."""

    def __init__(self, draws: int, random: np.random.Generator) -> None:
        self._draws = draws
        self._random = random

    def count(self, count: int) -> Values:
        """A structural zero (a channel that is not there) stays one."""
        return self._random.gamma(count, size=self._draws) if count else np.zeros(self._draws)

    def share(self, part: int, whole: int) -> Values:
        if not whole:
            return np.full(self._draws, np.nan)
        if part > whole:  # deals without a lead: a ratio of two counts, no rate
            return self.count(part) / whole
        return self._random.beta(part + 0.5, whole - part + 0.5, size=self._draws)

    def mean(self, total: int, count: int, *, cv: float) -> Values:
        if not count:
            return np.full(self._draws, np.nan)
        spread = math.sqrt(math.log1p(cv**2 / count))
        logarithms = self._random.normal(-(spread**2) / 2, spread, size=self._draws)
        mean: Values = (total / count) * np.exp(logarithms)
        return mean


def _sample(figures: Figures, how: _Observed | _Drawn) -> Sample:
    season, costs = figures.season, figures.costs
    return Sample(
        market=np.asarray(float(figures.market_minor or 1)),
        # By size, so that the same figures under other names, or in another order, draw the same.
        funnels={
            name: _funnel(f, how, season)
            for name, f in sorted(figures.funnels.items(), key=_by_size_of_funnel)
        },
        bands={
            name: _band(b, how, season)
            for name, b in sorted(figures.bands.items(), key=_by_size_of_band)
        },
        rest={
            "reactivation": np.asarray(figures.reactivated_minor * season),
            "same_period": np.asarray(figures.same_period_minor * season),
            "refunds": np.asarray(-figures.refunds_minor * season),
            "unmatched": np.asarray(float(_unmatched(figures)) * season),
        },
        base_flows=_base_flows(figures),
        opening_flows=_opening_flows(figures),
        acquisition={} if costs is None else _spending(costs.acquisition, season),
        work={} if costs is None else _spending(costs.work, season),
    )


def _by_size_of_funnel(item: tuple[str, Funnel]) -> tuple[int, ...]:
    f = item[1]
    return f.workable, f.decided, f.won, f.amount_minor


def _by_size_of_band(item: tuple[str, Band]) -> tuple[int, ...]:
    b = item[1]
    return b.base, b.active, b.buyers, b.orders, b.revenue_minor


def _base_flows(figures: Figures) -> dict[str, Values]:
    flows = figures.base_flows
    if flows is None:
        return {}
    stock = figures.base - flows.acquired - flows.returned + flows.lapsed
    parts = {
        "base_stock": stock,
        "base_acquired": flows.acquired,
        "base_returned": flows.returned,
        "base_lapsed": -flows.lapsed,
    }
    return {factor: np.asarray(float(part)) for factor, part in parts.items()}


def _opening_flows(figures: Figures) -> dict[str, Values]:
    flows, opened = figures.pipeline_flows, figures.opened
    if flows is None or opened is None:
        return {}
    stock = opened - flows.created + flows.decided + flows.aged
    parts = {
        "opening_stock": stock,
        "opening_created": flows.created,
        "opening_decided": -flows.decided,
        "opening_aged": -flows.aged,
    }
    return {factor: np.asarray(part * figures.season) for factor, part in parts.items()}


def _spending(by_name: Mapping[str, Spending], season: float) -> dict[str, SpendingSample]:
    """Booked, and so never drawn."""
    return {
        name: SpendingSample(
            count=np.asarray(one.count * season),
            each_minor=np.asarray(one.amount_minor / one.count if one.count else np.nan),
            beside=np.asarray(0.0 if one.count else one.amount_minor * season),
        )
        for name, one in by_name.items()
    }


def _unmatched(figures: Figures) -> int:
    """Money without a deal or an order to it, as where half a deal counts as none."""
    funnels = sum(
        f.amount_minor for f in figures.funnels.values() if not min(f.workable, f.decided, f.won)
    )
    bands = sum(
        b.revenue_minor
        for b in figures.bands.values()
        if not min(b.base, b.active, b.buyers, b.orders)
    )
    return funnels + bands


def _funnel(f: Funnel, how: _Observed | _Drawn, season: float) -> FunnelSample:
    unknown = np.asarray(np.nan)
    known = f.opened is not None and f.opened <= f.workable
    stock = f.opened if known and f.opened else 0
    opened = np.asarray(stock * season) if known else unknown
    created = f.workable - stock
    if not known or f.leads is None:
        leads, qualified = unknown, unknown
        workable = (how.count(created) + stock) * season
    else:
        leads, qualified = how.count(f.leads) * season, how.share(created, f.leads)
        made = leads * qualified if f.leads else how.count(created) * season
        workable = opened + made
    return FunnelSample(
        workable=workable,
        opened=opened,
        leads=leads,
        qualified_share=qualified,
        decided_share=how.share(f.decided, f.workable),
        won_share=how.share(f.won, f.decided),
        mean_minor=how.mean(f.amount_minor, f.won, cv=f.amount_cv),
        paid_share=np.asarray(f.amount_minor / f.list_minor) if f.list_minor else unknown,
    )


def _band(b: Band, how: _Observed | _Drawn, season: float) -> BandSample:
    each = how.share(b.orders, b.buyers)
    if 0 < b.buyers <= b.orders:
        # Every buyer orders once; only what is beyond that can vary.
        each = 1 + how.count(b.orders - b.buyers) / b.buyers
    return BandSample(
        base=np.asarray(float(b.base)),
        active_share=how.share(b.active, b.base),
        buying_share=how.share(b.buyers, b.active),
        orders_each=each * season,
        mean_minor=how.mean(b.revenue_minor, b.orders, cv=b.basket_cv),
    )
