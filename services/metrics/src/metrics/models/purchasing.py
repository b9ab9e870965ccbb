"""How often customers buy, and when they leave for good: BG/NBD and its modification.

While a customer stays, he buys at a rate of his own (gamma distributed over customers, `r` and
`alpha`); after each purchase he leaves with a probability of his own (beta distributed, `a` and
`b`). Fader, Hardie, Lee, "Counting Your Customers" the Easy Way, Marketing Science 24 (2005).
In BG/NBD a customer who bought once can never have left; in MBG/NBD he can leave right after his
first purchase, too (Batislam, Denizel, Filiztekin, IJRM 24 (2007)). Predictions are made with
the latter; published figures to be held against exist for the former.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import betaln, expit, gammaln, hyp2f1

from metrics.models.customers import Floats
from metrics.models.fitting import maximise

_AROUND_ONE = 1e-6
"""Expectations are continuous at a = 1, the formula is not."""


@dataclass(frozen=True)
class Purchasing:
    """Parameters of a population; `alpha` is in the unit of time of the histories."""

    r: float
    alpha: float
    a: float
    b: float


@dataclass(frozen=True)
class Histories:
    """What is known of customers' purchases, one place for each distinct history.

    `repeats` is the number of purchases after the first one, `last` the time from the first to
    the last, `age` that from the first until now; `count` is how many customers have it.
    """

    repeats: Floats
    last: Floats
    age: Floats
    count: Floats


def distinct(repeats: Floats, last: Floats, age: Floats) -> Histories:
    """The distinct histories of single customers."""
    rows, count = np.unique(np.column_stack((repeats, last, age)), axis=0, return_counts=True)
    return Histories(rows[:, 0], rows[:, 1], rows[:, 2], count.astype(float))


def fit_purchasing(histories: Histories, *, first_can_be_last: bool = True) -> Purchasing:
    """The likeliest parameters: of MBG/NBD, or of BG/NBD where the first cannot be the last."""
    found = maximise(
        lambda of: log_likelihood(Purchasing(*of), histories, first_can_be_last=first_can_be_last),
        parameters=4,
    )
    return Purchasing(*(float(one) for one in found))


def log_likelihood(of: Purchasing, histories: Histories, *, first_can_be_last: bool) -> float:
    """Of all customers together: each is still there, or left after his last purchase."""
    x = histories.repeats
    chances = x + first_can_be_last
    bought = gammaln(of.r + x) - gammaln(of.r) + of.r * np.log(of.alpha)
    stayed = betaln(of.a, of.b + chances) - betaln(of.a, of.b)
    still_there = -(of.r + x) * np.log(of.alpha + histories.age)
    # Whoever had no chance to leave is there; the 1 only keeps the logarithm finite.
    odds = np.where(chances > 0, of.b + chances - 1, 1.0)
    left = np.log(of.a) - np.log(odds) - (of.r + x) * np.log(of.alpha + histories.last)
    left = np.where(chances > 0, left, -np.inf)
    each = bought + stayed + np.logaddexp(still_there, left)
    return float(histories.count @ each)


def still_there(of: Purchasing, histories: Histories) -> Floats:
    """The probability that a customer has not left, after MBG/NBD."""
    x = histories.repeats
    against = np.log(of.a / (of.b + x)) + (of.r + x) * (
        np.log(of.alpha + histories.age) - np.log(of.alpha + histories.last)
    )
    probability: Floats = expit(-against)
    return probability


def expected_purchases(of: Purchasing, histories: Histories, *, ahead: float) -> Floats:
    """How many purchases a customer will still make within a time, after MBG/NBD."""
    a = of.a if abs(of.a - 1) > _AROUND_ONE else 1 + _AROUND_ONE
    x = histories.repeats
    known = of.alpha + histories.age
    part = ahead / (known + ahead)
    if_there = (a + of.b + x) / (a - 1) * (1 - _series(of, a, x=x, part=part))
    expected: Floats = if_there * still_there(of, histories)
    return expected


def _series(of: Purchasing, a: float, *, x: Floats, part: Floats) -> Floats:
    """The published term, or the same after Euler's transformation, which loses no digits where
    somebody bought very often; where customers leave at once it is the other way round.
    """
    # Whichever is not taken may overflow.
    with np.errstate(all="ignore"):
        plain = (1 - part) ** (of.r + x) * hyp2f1(of.r + x, of.b + x + 1, a + of.b + x, part)
        turned = (1 - part) ** (a - 1) * hyp2f1(a + of.b - of.r, a - 1, a + of.b + x, part)
    taken: Floats = np.where(a - 1 > of.r + x, plain, turned)
    return taken
