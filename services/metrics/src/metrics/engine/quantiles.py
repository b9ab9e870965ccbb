"""Weighted percentiles of histograms, of many side by side.

Rows are histograms, columns their values in ascending order. A row without anything has none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from metrics.engine.series import Whole
from metrics.engine.sketch import value_of


def quantiles(values: Sequence[int], counts: Whole, percentile: int = 50) -> list[float | None]:
    """The weighted percentile of each; between two values where it falls on their border."""
    return [
        None if around is None else _between(*around)
        for around in _around(values, counts, percentile)
    ]


def quantiles_of_sketch(
    values: Sequence[int], counts: Whole, percentile: int
) -> list[float | None]:
    """The same for sketched values: within 1 % of the lower of the two."""
    return [
        None if around is None else value_of(around[0])
        for around in _around(values, counts, percentile)
    ]


def quantile(bins: Mapping[int, int], percentile: int = 50) -> float | None:
    """That of one histogram."""
    [found] = quantiles(*_as_rows(bins), percentile)
    return found


def quantile_of_sketch(bins: Mapping[int, int], percentile: int) -> float | None:
    [found] = quantiles_of_sketch(*_as_rows(bins), percentile)
    return found


def _as_rows(bins: Mapping[int, int]) -> tuple[Sequence[int], Whole]:
    values = sorted(bins)
    return values, np.array([[bins[value] for value in values]], dtype=np.int64)


def _between(lower: int, upper: int) -> float:
    middle = lower + upper
    return middle // 2 if middle % 2 == 0 else middle / 2


def _around(
    values: Sequence[int], counts: Whole, percentile: int
) -> Iterator[tuple[int, int] | None]:
    """The last value of the lower share and the first of the upper; mostly they are one."""
    if not values:
        yield from (None for _ in counts)
        return
    seen = counts.cumsum(axis=1) * 100
    weights = counts.sum(axis=1, keepdims=True) * percentile
    reaching, beyond = (seen >= weights) & (counts != 0), seen > weights
    first_reaching, first_beyond = reaching.argmax(axis=1), beyond.argmax(axis=1)
    # Of nothing but noes argmax says 0, too.
    some, more = reaching.any(axis=1), beyond.any(axis=1)
    for lower, upper, is_some, is_more in zip(
        *(column.tolist() for column in (first_reaching, first_beyond, some, more)), strict=True
    ):
        yield (values[lower], values[upper if is_more else lower]) if is_some else None
