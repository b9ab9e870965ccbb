"""Bins that grow with what they count, so that every quantile is within 1 % (DDSketch).

Masson, Rim and Lee (2019), "DDSketch: a fast and fully-mergeable quantile sketch with
relative-error guarantees", VLDB 12. Bins are never collapsed, so a value can be taken
back exactly. Domain: 0, and whole numbers up to 10 years of minutes (about 700 bins).
"""

from __future__ import annotations

from math import ceil, log
from typing import Final

ACCURACY: Final = 0.01
_GAMMA: Final = (1 + ACCURACY) / (1 - ACCURACY)
_LOG_GAMMA: Final = log(_GAMMA)


def bin_of(value: int) -> int:
    """The bin of a number: 0 for 0, then one for each growth by 2 %."""
    return 0 if value <= 0 else 1 + ceil(log(value) / _LOG_GAMMA)


def value_of(bin_: int) -> float:
    """The number that is within 1 % of all in the bin."""
    return 0.0 if bin_ <= 0 else 2 * _GAMMA ** (bin_ - 1) / (_GAMMA + 1)


_BINS_OF_A_SIZE: Final = 11


def size_of(amount: int | None) -> int | None:
    """A much coarser bin of an amount, within an eighth: enough to tell how amounts spread.

    None where there is no positive amount.
    """
    return None if amount is None or amount <= 0 else bin_of(amount) // _BINS_OF_A_SIZE


def amount_of_size(size: int) -> float:
    """The middle of a size."""
    return value_of(size * _BINS_OF_A_SIZE + _BINS_OF_A_SIZE // 2)
