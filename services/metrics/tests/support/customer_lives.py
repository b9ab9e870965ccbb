"""Customers who live one by one, as the model of purchases says that they do."""

from __future__ import annotations

import numpy as np

from metrics.models.customers import DAYS_A_YEAR, Occasion
from metrics.models.purchasing import Purchasing


def lives(of: Purchasing, *, customers: int, years: float, seed: int) -> list[list[Occasion]]:
    """What each bought; all came within two years. `of` is in weeks, amounts around 30.00."""
    random = np.random.default_rng(seed)
    histories = []
    for _ in range(customers):
        rate, leaving = random.gamma(of.r, 1 / of.alpha), random.beta(of.a, of.b)
        scale = 1 / random.gamma(4.0, 1 / 3_000)
        day = random.uniform(0, 2 * DAYS_A_YEAR)
        occasions = {}
        while day < years * DAYS_A_YEAR:
            occasions[int(day)] = round(random.gamma(3.0, scale))
            if random.random() < leaving:
                break
            day += 7 * random.exponential(1 / rate)
        histories.append([Occasion(*one) for one in sorted(occasions.items())])
    return histories
