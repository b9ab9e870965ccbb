"""Weighted percentiles of histograms."""

from __future__ import annotations

from collections.abc import Mapping

from metrics.engine.sketch import value_of


def quantile(bins: Mapping[int, int], percentile: int = 50) -> float | None:
    """The weighted percentile of a histogram; between two values where it falls on their border."""
    lower, upper = _around(bins, percentile)
    if lower is None or upper is None:
        return None
    middle = lower + upper
    return middle // 2 if middle % 2 == 0 else middle / 2


def quantile_of_sketch(bins: Mapping[int, int], percentile: int) -> float | None:
    """The same for sketched values: within 1 % of the lower of the two."""
    lower, _ = _around(bins, percentile)
    return None if lower is None else value_of(lower)


def _around(bins: Mapping[int, int], percentile: int) -> tuple[int | None, int | None]:
    """The last value of the lower share and the first of the upper; mostly they are one."""
    weight = sum(bins.values()) * percentile
    lower: int | None = None
    seen = 0
    for value in sorted(bins):
        seen += bins[value] * 100
        if lower is None and seen >= weight:
            lower = value
        if lower is not None and seen > weight:
            return lower, value
    return lower, lower
