"""The tree of booked revenue, and what each of its factors added to the change.

    revenue = Σ channel: M · N/M · Nc/N · Dc/Nc · Wc/Dc · Ac/Wc
            + Σ tenure:  M · B · Bt/B · active/B · buyers/active · orders/buyers/M · revenue/order
            + reactivated + same period - refunds + what no deal or order was found for

M is the market to the power of its elasticity. Without a market figure M is left out,
and what it would explain stays with capture and frequency. Where the figures say more,
N/M = opening/M + Σ channel: leads/M · channel's leads/leads · deals/lead, and
Ac/Wc = list value · (1 - discount).

In the profit lens it goes on: - Σ channel: leads · cost per lead - Σ process: runs · unit cost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from metrics.diagnosis.attribution import Method, Values, lmdi
from metrics.diagnosis.sample import BandSample, FunnelSample, Sample, SpendingSample
from metrics.diagnosis.tree import Contribution, Leaf, Node, Product, Sum, attribute, total

CAPTURE: Final = ("capture", "opening", "leads", "lead_mix", "qualification")
"""What may explain the workable deals per market."""
OPENING_FLOWS: Final = ("opening_stock", "opening_created", "opening_decided", "opening_aged")
BASE_FLOWS: Final = ("base_stock", "base_acquired", "base_returned", "base_lapsed")
REST: Final = ("reactivation", "same_period", "refunds", "unmatched")
SPENT: Final = ("lead_count", "cost_per_lead", "work_volume", "unit_cost", "other_costs")
FACTORS: Final = (
    "market",
    *CAPTURE,
    *OPENING_FLOWS,
    *("mix", "speed", "win_rate", "deal_value", "list_value", "discount"),
    "base",
    *BASE_FLOWS,
    *("tenure", "activity", "buying", "frequency", "basket"),
    *REST,
    *SPENT,
)


def contributions(
    before: Sample,
    after: Sample,
    *,
    elasticity: float = 1.0,
    method: Method = lmdi,
    expanded: bool = False,
) -> list[Contribution]:
    """All contributions; they sum to the change of the result in every draw.

    `expanded`: stocks that were inherited are replaced by the flows that made them.
    """
    sides = _Sides(before, after, elasticity=elasticity, expanded=expanded)
    return attribute(result_tree(sides), method)


def by_factor(parts: Sequence[Contribution]) -> dict[str, Values]:
    """Summed over slices, every factor present."""
    totals: dict[str, Values] = {factor: np.zeros(()) for factor in FACTORS}
    for part in parts:
        totals[part.factor] = totals[part.factor] + part.amount
    return totals


class _Sides:
    """Both periods, so that a leaf is said by one function of a period."""

    def __init__(self, before: Sample, after: Sample, *, elasticity: float, expanded: bool) -> None:
        self.samples = before, after
        self.elasticity = elasticity
        self.expanded = expanded

    def leaf(self, factor: str, slice_: str, of: Callable[[Sample], Values]) -> Leaf:
        before, after = (of(sample) for sample in self.samples)
        return Leaf(factor, slice_, before, after)

    def market(self, sample: Sample) -> Values:
        return np.asarray(sample.market**self.elasticity)

    def per_market(self, factor: str, slice_: str, of: Callable[[Sample], Values]) -> Leaf:
        return self.leaf(factor, slice_, lambda sample: of(sample) / self.market(sample))

    def names(self, of: Callable[[Sample], Mapping[str, object]]) -> list[str]:
        return sorted({name for sample in self.samples for name in of(sample)})

    def all_say(self, of: Callable[[FunnelSample], Values]) -> bool:
        """Whether every channel of both periods knows it."""
        funnels = [funnel for sample in self.samples for funnel in sample.funnels.values()]
        return not any(np.isnan(of(funnel)).any() for funnel in funnels)


def result_tree(sides: _Sides) -> Sum:
    """Revenue, less what was spent where that is told."""
    return Sum(
        (
            (1, revenue_tree(sides)),
            *((-1, cost) for cost in _spent(sides, lambda s: s.acquisition, named=SPENT[:2])),
            *((-1, cost) for cost in _spent(sides, lambda s: s.work, named=SPENT[2:4])),
        )
    )


def _spent(
    sides: _Sides, of: Callable[[Sample], Mapping[str, SpendingSample]], *, named: tuple[str, str]
) -> Iterator[Node]:
    """So many of something at so much each, and what there was nothing for to divide it by."""
    many, each = named

    def leaf(factor: str, name: str, part: Callable[[SpendingSample], Values]) -> Leaf:
        return sides.leaf(factor, name, lambda s: part(of(s).get(name, _NOTHING_SPENT)))

    for name in sides.names(of):
        count, unit = leaf(many, name, lambda p: p.count), leaf(each, name, lambda p: p.each_minor)
        yield Product([count, unit])
        yield leaf("other_costs", name, lambda p: p.beside)


def revenue_tree(sides: _Sides) -> Sum:
    channels, bands = sides.names(lambda s: s.funnels), sides.names(lambda s: s.bands)
    return total(
        [
            *(_funnel(sides, channel) for channel in channels),
            *(_band(sides, band) for band in bands),
            *(sides.leaf(factor, "", _named(lambda s: s.rest, factor)) for factor in REST),
        ]
    )


def _funnel(sides: _Sides, channel: str) -> Product:
    def of(read: Callable[[FunnelSample], Values]) -> Callable[[Sample], Values]:
        return lambda s: read(s.funnels[channel]) if channel in s.funnels else _GONE

    return Product(
        [
            sides.leaf("market", channel, sides.market),
            _capture(sides, channel),
            sides.leaf("mix", channel, lambda s: _share_of(s, channel, lambda f: f.workable)),
            sides.leaf("speed", channel, of(lambda f: f.decided_share)),
            sides.leaf("win_rate", channel, of(lambda f: f.won_share)),
            *_deal_value(sides, channel, of),
        ]
    )


def _deal_value(
    sides: _Sides,
    channel: str,
    of: Callable[[Callable[[FunnelSample], Values]], Callable[[Sample], Values]],
) -> list[Node]:
    sold = [s.funnels[channel] for s in sides.samples if channel in s.funnels]
    if any(np.isnan(f.paid_share).any() and not np.isnan(f.mean_minor).any() for f in sold):
        return [sides.leaf("deal_value", channel, of(lambda f: f.mean_minor))]
    return [
        sides.leaf("list_value", channel, of(lambda f: f.mean_minor / f.paid_share)),
        sides.leaf("discount", channel, of(lambda f: f.paid_share)),
    ]


def _capture(sides: _Sides, channel: str) -> Node:
    """Workable deals per market: of this channel's product, but a number of the whole."""
    if not sides.all_say(lambda f: f.opened):
        return sides.per_market("capture", channel, lambda s: _all(s, lambda f: f.workable))
    opening = (
        [sides.per_market(f, "", _named(lambda s: s.opening_flows, f)) for f in OPENING_FLOWS]
        if sides.expanded and all(s.opening_flows for s in sides.samples)
        else [sides.per_market("opening", channel, lambda s: _all(s, lambda f: f.opened))]
    )
    return total([*opening, _created(sides, channel)])


def _created(sides: _Sides, channel: str) -> Node:
    def created(f: FunnelSample) -> Values:
        return f.workable - f.opened

    unled = any(
        ((f.leads == 0) & (created(f) > 0)).any() for s in sides.samples for f in s.funnels.values()
    )
    if unled or not sides.all_say(lambda f: f.leads):
        return sides.per_market("capture", channel, lambda s: _all(s, created))

    def qualified(name: str) -> Callable[[Sample], Values]:
        return lambda s: s.funnels[name].qualified_share if name in s.funnels else _GONE

    def lead_share(name: str) -> Callable[[Sample], Values]:
        return lambda s: _share_of(s, name, lambda f: f.leads)

    return total(
        Product(
            [
                sides.per_market("leads", channel, lambda s: _all(s, lambda f: f.leads)),
                sides.leaf("lead_mix", name, lead_share(name)),
                sides.leaf("qualification", name, qualified(name)),
            ]
        )
        for name in sides.names(lambda s: s.funnels)
    )


def _band(sides: _Sides, name: str) -> Product:
    def of(read: Callable[[BandSample], Values]) -> Callable[[Sample], Values]:
        return lambda s: read(s.bands[name]) if name in s.bands else _GONE

    def base(sample: Sample) -> Values:
        return sum((band.base for band in sample.bands.values()), np.zeros(()))

    def share(sample: Sample) -> Values:
        band = sample.bands.get(name)
        return np.zeros(()) if band is None else _ratio(band.base, base(sample))

    known = all(s.base_flows for s in sides.samples)
    stock = (
        total(sides.leaf(f, "", _named(lambda s: s.base_flows, f)) for f in BASE_FLOWS)
        if sides.expanded and known
        else sides.leaf("base", name, base)
    )
    return Product(
        [
            sides.leaf("market", name, sides.market),
            stock,
            sides.leaf("tenure", name, share),
            sides.leaf("activity", name, of(lambda b: b.active_share)),
            sides.leaf("buying", name, of(lambda b: b.buying_share)),
            sides.per_market("frequency", name, of(lambda b: b.orders_each)),
            sides.leaf("basket", name, of(lambda b: b.mean_minor)),
        ]
    )


_GONE: Final = np.asarray(np.nan)
"""A rate of a slice that is not there: undefined, hence unchanged."""
_NOTHING_SPENT: Final = SpendingSample(np.zeros(()), _GONE, np.zeros(()))


def _named(of: Callable[[Sample], Mapping[str, Values]], factor: str) -> Callable[[Sample], Values]:
    return lambda sample: of(sample)[factor]


def _all(sample: Sample, of: Callable[[FunnelSample], Values]) -> Values:
    return sum((of(funnel) for funnel in sample.funnels.values()), np.zeros(()))


def _share_of(sample: Sample, channel: str, of: Callable[[FunnelSample], Values]) -> Values:
    funnel = sample.funnels.get(channel)
    return np.zeros(()) if funnel is None else _ratio(of(funnel), _all(sample, of))


def _ratio(part: Values, whole: Values) -> Values:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(whole > 0, part / np.where(whole > 0, whole, 1.0), np.nan)
