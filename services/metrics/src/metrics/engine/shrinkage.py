"""Rates of few cases, drawn towards what members have in common, so that rankings can be read.

Beta-binomial: members' true rates are spread around the common one; how widely is found
by the method of moments (Kleinman 1973, JASA 68). Two wins of thirty are no proof that
somebody wins one in fifteen.
"""

from __future__ import annotations

from collections.abc import Sequence

Number = int | float


def shrunken(counted: Sequence[tuple[Number, Number]]) -> list[float]:
    """For each member's (successes, trials) the expected rate. All trials above zero.

    Where members differ no more than chance would have it, that is the common rate.
    """
    successes, trials = (sum(part) for part in zip(*counted, strict=True))
    common = successes / trials
    correlation = _correlation(counted, common)
    if correlation <= 0:
        return [common] * len(counted)
    weight = 1 / correlation - 1
    return [(won + weight * common) / (of + weight) for won, of in counted]


def _correlation(counted: Sequence[tuple[Number, Number]], common: float) -> float:
    """How much of a case's variance is that between members: 0 none, 1 all."""
    variance = common * (1 - common)
    trials = sum(of for _, of in counted)
    free = len(counted) - 1
    spread = trials - sum(of * of for _, of in counted) / trials - free
    if variance == 0 or spread <= 0:
        return 0.0
    between = sum(of * (won / of - common) ** 2 for won, of in counted) / variance - free
    return min(1.0, between / spread)
