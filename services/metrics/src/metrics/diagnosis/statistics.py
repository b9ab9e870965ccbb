"""The few statistics that a verdict needs beside its draws."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

Z90: Final = 1.6448536269514722
"""Of a two-sided 90 % interval, as all intervals of a diagnosis are."""


def wilson(share: float, count: int, *, z: float = Z90) -> tuple[float, float]:
    """Interval of a single rate."""
    square = z**2 / count
    middle = (share + square / 2) / (1 + square)
    half = z / (1 + square) * math.sqrt(share * (1 - share) / count + square / (4 * count))
    return middle - half, middle + half


def newcombe(
    before: tuple[float, int], after: tuple[float, int], *, z: float = Z90
) -> tuple[float, float]:
    """Interval of the difference of two rates, each given with its count.

    Newcombe (1998), "Interval estimation for the difference between independent
    proportions", Statistics in Medicine 17, method 10.
    """
    return of_intervals(
        (before[0], *wilson(*before, z=z)),
        (after[0], *wilson(*after, z=z)),
    )


def of_counted(
    before: tuple[float, float], after: tuple[float, float], *, z: float = Z90
) -> tuple[float, float]:
    """Interval of the difference of two numbers that rest on so many independent things each: a
    count, or a sum of money for each of them. Var(ln count) = 1/n.
    """
    old, new = (
        (value, value * math.exp(-z / math.sqrt(n)), value * math.exp(z / math.sqrt(n)))
        for value, n in (before, after)
    )
    return of_intervals(old, new)


def of_intervals(
    before: tuple[float, float, float], after: tuple[float, float, float]
) -> tuple[float, float]:
    """Interval of the difference of two estimates, each given with its own: value, low, high.

    MOVER: Zou and Donner (2008), "Construction of confidence limits about effect measures",
    Statistics in Medicine 27. Newcombe's is the same with Wilson's intervals.
    """
    (old, old_low, old_high), (new, new_low, new_high) = before, after
    return (
        new - old - math.hypot(new - new_low, old_high - old),
        new - old + math.hypot(new_high - new, old - old_low),
    )


def p_value(z: float) -> float:
    """Two-sided."""
    return math.erfc(abs(z) / math.sqrt(2))


def discoveries(p_values: Sequence[float], q: float) -> set[int]:
    """Which of them stand, so that the expected share of false ones is at most `q`.

    Benjamini and Hochberg (1995), JRSS B 57.
    """
    ranked = sorted(range(len(p_values)), key=lambda i: p_values[i])
    last = 0
    for rank, i in enumerate(ranked, start=1):
        if p_values[i] <= q * rank / len(ranked):
            last = rank
    return set(ranked[:last])


def jensen_shannon(before: float, after: float) -> float:
    """One slice's part of the divergence between two distributions, its share in each given.

    Adtributor's surprise: Bhagwan et al. (2014), "Adtributor: revenue debugging in
    advertising systems", NSDI.
    """
    middle = (before + after) / 2
    terms = (share * math.log(share / middle) for share in (before, after) if share > 0)
    return sum(terms) / 2


def largest_remainder(values: Sequence[float], total: int) -> list[int]:
    """Rounded so that they sum to `total`, no one by as much as one unit."""
    floors = [math.floor(value) for value in values]
    short = total - sum(floors)
    by_remainder = sorted(range(len(values)), key=lambda i: floors[i] - values[i])
    for i in by_remainder[:short]:
        floors[i] += 1
    return floors
