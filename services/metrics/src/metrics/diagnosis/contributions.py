"""The tree of booked revenue, and what each of its factors added to the change.

    revenue = Σ channel: M · N/M · Nc/N · Dc/Nc · Wc/Dc · Ac/Wc
            + Σ tenure:  M · B · Bt/B · active/B · buyers/active · orders/buyers/M · revenue/order
            + reactivated + same period - refunds

M is the market to the power of its elasticity. Without a market figure M is left out,
and what it would explain stays with capture and frequency.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from metrics.diagnosis.attribution import Values, lmdi
from metrics.diagnosis.sample import Sample

Method = Callable[[Sequence[Values], Sequence[Values]], list[Values]]

NEW: Final = ("market", "capture", "mix", "speed", "win_rate", "deal_value")
REPEAT: Final = (*("market", "base", "tenure", "activity", "buying", "frequency", "basket"),)
REST: Final = ("reactivation", "same_period", "refunds")
FACTORS: Final = tuple(dict.fromkeys((*NEW, *REPEAT, *REST)))


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one factor added in one slice (a channel, a tenure band, or the whole)."""

    factor: str
    slice: str
    amount: Values
    """Minor units; one number, or one for each draw."""


def contributions(
    before: Sample, after: Sample, *, elasticity: float = 1.0, method: Method = lmdi
) -> list[Contribution]:
    """All contributions; they sum to the change of revenue in every draw."""
    sides = before, after
    channels = sorted({name for sample in sides for name in sample.funnels})
    bands = sorted({name for sample in sides for name in sample.bands})
    found = []
    for names, factors, of in ((channels, NEW, _funnel_factors), (bands, REPEAT, _band_factors)):
        for name in names:
            amounts = method(*(of(sample, name, elasticity) for sample in sides))
            found += [Contribution(f, name, a) for f, a in zip(factors, amounts, strict=True)]
    return [
        *found,
        *(Contribution(f, "", after.rest[f] - before.rest[f]) for f in REST),
    ]


def by_factor(parts: Sequence[Contribution]) -> dict[str, Values]:
    """Summed over slices, every factor present."""
    totals: dict[str, Values] = {factor: np.zeros(()) for factor in FACTORS}
    for part in parts:
        totals[part.factor] = totals[part.factor] + part.amount
    return totals


def _funnel_factors(sample: Sample, channel: str, elasticity: float) -> list[Values]:
    market = sample.market**elasticity
    all_workable = sum((f.workable for f in sample.funnels.values()), np.zeros(()))
    funnel = sample.funnels.get(channel)
    if funnel is None:
        gone = np.full((), np.nan)
        return [market, all_workable / market, np.zeros(()), gone, gone, gone]
    return [
        market,
        all_workable / market,
        _ratio(funnel.workable, all_workable),
        funnel.decided_share,
        funnel.won_share,
        funnel.mean_minor,
    ]


def _band_factors(sample: Sample, name: str, elasticity: float) -> list[Values]:
    market = sample.market**elasticity
    base = sum((b.base for b in sample.bands.values()), np.zeros(()))
    band = sample.bands.get(name)
    if band is None:
        gone = np.full((), np.nan)
        return [market, base, np.zeros(()), gone, gone, gone, gone]
    return [
        market,
        base,
        _ratio(band.base, base),
        band.active_share,
        band.buying_share,
        band.orders_each / market,
        band.mean_minor,
    ]


def _ratio(part: Values, whole: Values) -> Values:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(whole > 0, part / np.where(whole > 0, whole, 1.0), np.nan)
