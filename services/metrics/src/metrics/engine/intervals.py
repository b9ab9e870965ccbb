"""95 % intervals of shares."""

from __future__ import annotations

from math import sqrt
from typing import Final

_Z95: Final = 1.959963984540054
"""Two-sided 95 % of the normal distribution."""


def balance(net: float, voting: float, *, n: float) -> tuple[float, float]:
    """The normal 95 % interval of shares for less shares against, of which `voting` are either."""
    reach = _Z95 * sqrt(max(0.0, voting - net * net) / n)
    return max(-1.0, net - reach), min(1.0, net + reach)


def wilson(successes: float | None, trials: float | None) -> tuple[float, float] | None:
    """Wilson's 95 % interval; None where a share exceeds 1 (work taken over from other members)."""
    if successes is None or trials is None or not 0 <= successes <= trials or trials == 0:
        return None
    share, square = successes / trials, _Z95 * _Z95
    middle = share + square / (2 * trials)
    reach = _Z95 * sqrt((share * (1 - share) + square / (4 * trials)) / trials)
    scale = 1 + square / trials
    low, high = (middle - reach) / scale, (middle + reach) / scale
    return 0.0 if successes == 0 else low, 1.0 if successes == trials else high
