"""What a purchase is worth: Gamma-Gamma.

A customer's purchases scatter around a mean of his own, and the means of customers are gamma
distributed in turn, independently of how often they buy. Fader, Hardie, "The Gamma-Gamma Model
of Monetary Value" (2013), of which `p`, `q`, `v` are the parameters.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from metrics.models.customers import Floats
from metrics.models.fitting import maximise


@dataclass(frozen=True)
class Spending:
    """Parameters of a population; `v` is in the unit of the amounts."""

    p: float
    q: float
    v: float


def fit_spending(times: Floats, mean: Floats) -> Spending:
    """The likeliest parameters, given how often each customer bought, and for how much on average.

    Both have to be positive. `q` is sought above 1: below, the population has no mean.
    """
    unit = float(np.average(mean, weights=times))

    def likelihood(of: Floats) -> float:
        return log_likelihood(Spending(of[0], 1 + of[1], of[2]), times, mean / unit)

    p, above_one, v = (float(one) for one in maximise(likelihood, parameters=3))
    return Spending(p, 1 + above_one, v * unit)


def log_likelihood(of: Spending, times: Floats, mean: Floats) -> float:
    """Of all customers together."""
    shape = of.p * times
    each = (
        gammaln(shape + of.q)
        - gammaln(shape)
        - gammaln(of.q)
        + of.q * np.log(of.v)
        + (shape - 1) * np.log(mean)
        + shape * np.log(times)
        - (shape + of.q) * np.log(of.v + times * mean)
    )
    return float(np.sum(each))


def expected_amount(of: Spending, times: Floats, mean: Floats) -> Floats:
    """What a purchase of a customer will be worth; of one who never paid, the population's mean."""
    return of.p * (of.v + times * mean) / (of.p * times + of.q - 1)
