"""How much of a product's change each of its factors made: LMDI-I, and Shapley beside it.

Ang, B. W. (2005), "The LMDI approach to decomposition analysis", Energy Policy 33; the
limits at zero are those of Wood and Lenzen (2006) and Ang and Liu (2007).

A method answers the multiplier of every factor: multiplier x change of the factor is what
the factor added to the product. These amounts sum to the product's change without a
residual, negate when the periods are swapped, and do not depend on units or order. As the
multiplier exists where a factor did not change, trees of products and sums can be nested.

Everything is computed over numpy arrays of one shape, so that thousands of draws cost one pass.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import factorial
from typing import Final

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Method = Callable[[Values, Values], Values]
"""Factors before and after (first axis) to their multipliers."""

_SERIES: Final = 1e-4
"""Relative difference below which the logarithmic mean is taken from its series."""


def logarithmic_mean(a: Values, b: Values) -> Values:
    """`(a - b) / ln(a / b)`, `a` where both are equal, 0 where either is not positive."""
    positive = (a > 0) & (b > 0)
    everywhere = bool(positive.all())
    x, y = (a, b) if everywhere else (np.where(positive, a, 1.0), np.where(positive, b, 1.0))
    difference = x - y
    with np.errstate(invalid="ignore"):  # 0/0 where both are equal, replaced below
        mean = np.asarray(difference / np.log(x / y))
    near = np.abs(difference) < _SERIES * y
    if near.any():
        offset = difference[near] / y[near]
        # ln(1+d) = d - d²/2 + d³/3 - …, hence d / ln(1+d) = 1 + d/2 - d²/12 + d³/24 - …
        mean[near] = y[near] * (1 + offset / 2 - offset**2 / 12 + offset**3 / 24)
    return mean if everywhere else np.where(positive, mean, 0.0)


def lmdi(old: Values, new: Values) -> Values:
    """Where the product vanishes in one period only, its zero factors of that period share
    the change equally; a product with a negative factor (credit sales) is left to Shapley.
    """
    product_old, product_new = np.prod(old, axis=0), np.prod(new, axis=0)
    means = logarithmic_mean(new, old)
    weight = logarithmic_mean(product_new, product_old)
    found = np.where(means > 0, weight / np.where(means > 0, means, 1.0), 0.0)
    vanished = (product_old == 0) != (product_new == 0)
    if vanished.any():
        zeros = vanished & np.where(product_old == 0, old == 0, new == 0)
        share = (product_new - product_old) / np.maximum(zeros.sum(axis=0), 1)
        found = np.where(vanished, 0.0, found)
        found = np.where(zeros, share / np.where(zeros, new - old, 1.0), found)
    negative = (old < 0).any(axis=0) | (new < 0).any(axis=0)
    return np.where(negative, shapley(old, new), found) if negative.any() else found


def shapley(old: Values, new: Values) -> Values:
    """The mean over all orders in which the factors could have changed."""
    count = len(old)
    changed = np.zeros(1, int)  # how many of the other factors did, in each of their subsets
    for _ in range(count - 1):
        changed = np.concatenate([changed, changed + 1])
    orders = [factorial(n) * factorial(count - 1 - n) / factorial(count) for n in range(count)]
    weights = np.array(orders)[changed]
    found = np.zeros_like(old)
    for k in range(count):
        products = np.ones((1, *old.shape[1:]))
        for i in range(count):
            if i != k:
                products = np.concatenate([products * old[i], products * new[i]])
        found[k] = np.tensordot(weights, products, axes=1)
    return found


def defined(before: Sequence[Values], after: Sequence[Values]) -> tuple[Values, Values]:
    """Factors of both periods as one array each; an undefined one (0/0) is read as unchanged.

    What is undefined in both has nobody behind it in either, so that it counts as nothing:
    read as 1, it would give a slice without orders one of the other factors' unit.
    """
    both = np.stack(np.broadcast_arrays(*before, *after)).astype(float, copy=False)
    old, new = both[: len(before)], both[len(before) :]
    if not np.isnan(both).any():
        return old, new
    lost = np.isnan(old) & np.isnan(new)
    return (
        np.where(lost, 0.0, np.where(np.isnan(old), new, old)),
        np.where(lost, 0.0, np.where(np.isnan(new), old, new)),
    )
