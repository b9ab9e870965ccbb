"""Who made a product change: exact contributions of its factors (LMDI-I, and Shapley beside it).

Ang, B. W. (2005), "The LMDI approach to decomposition analysis", Energy Policy 33; the
limits at zero are those of Wood and Lenzen (2006) and Ang and Liu (2007). Contributions
sum to the change without a residual, negate when the periods are swapped, and do not
depend on units or on the order of factors.

Everything is computed over numpy arrays of one shape, so that thousands of draws cost one pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import factorial
from typing import Final

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

_SERIES: Final = 1e-4
"""Relative difference below which the logarithmic mean is taken from its series."""


def logarithmic_mean(a: Values, b: Values) -> Values:
    """`(a - b) / ln(a / b)`, `a` where both are equal, 0 where either is not positive."""
    a, b = np.broadcast_arrays(np.asarray(a, float), np.asarray(b, float))
    positive = (a > 0) & (b > 0)
    x, y = np.where(positive, a, 1.0), np.where(positive, b, 1.0)
    offset = (x - y) / y
    near = np.abs(offset) < _SERIES
    exact = (x - y) / np.where(near, 1.0, np.log(x / y))
    # ln(1+d) = d - d²/2 + d³/3 - …, hence d / ln(1+d) = 1 + d/2 - d²/12 + d³/24 - …
    series = y * (1 + offset / 2 - offset**2 / 12 + offset**3 / 24)
    return np.where(positive, np.where(near, series, exact), 0.0)


def lmdi(before: Sequence[Values], after: Sequence[Values]) -> list[Values]:
    """What each factor added to the change of the product, in the product's unit.

    A factor that is undefined (NaN, 0/0) in one period is read as unchanged. Where the
    product vanishes in one period only, its zero factors of that period share the change.
    """
    old, new = _defined(before, after)
    product_old, product_new = np.prod(old, axis=0), np.prod(new, axis=0)
    change = product_new - product_old
    weight = logarithmic_mean(product_new, product_old)
    zero_old, zero_new = old == 0, new == 0
    zeros = np.where(product_old == 0, zero_old, zero_new)
    vanished = (product_old == 0) != (product_new == 0)
    share = np.where(vanished, change / np.maximum(zeros.sum(axis=0), 1), 0.0)
    safe_old, safe_new = np.where(old > 0, old, 1.0), np.where(new > 0, new, 1.0)
    parts = np.where(vanished, zeros * share, weight * np.log(safe_new / safe_old))
    negative = (old < 0).any(axis=0) | (new < 0).any(axis=0)
    if negative.any():
        parts = np.where(negative, np.stack(_shapley(old, new)), parts)
    return list(parts)


def shapley(before: Sequence[Values], after: Sequence[Values]) -> list[Values]:
    """The same by Shapley: the mean over all orders in which the factors could have changed."""
    return _shapley(*_defined(before, after))


def _shapley(old: Values, new: Values) -> list[Values]:
    count = len(old)
    parts = []
    for k in range(count):
        others = [i for i in range(count) if i != k]
        total = np.zeros_like(old[0])
        for size in range(count):
            weight = factorial(size) * factorial(count - size - 1) / factorial(count)
            for chosen in combinations(others, size):
                rest = [new[i] if i in chosen else old[i] for i in others]
                total = total + weight * np.prod(rest, axis=0)
        parts.append(total * (new[k] - old[k]))
    return parts


def _defined(before: Sequence[Values], after: Sequence[Values]) -> tuple[Values, Values]:
    old = np.stack(np.broadcast_arrays(*(np.asarray(v, float) for v in before)))
    new = np.stack(np.broadcast_arrays(*(np.asarray(v, float) for v in after)))
    old, new = np.broadcast_arrays(old, new)
    both = np.isnan(old) & np.isnan(new)
    return (
        np.where(both, 1.0, np.where(np.isnan(old), new, old)),
        np.where(both, 1.0, np.where(np.isnan(new), old, new)),
    )
