"""What customers will still be worth: purchases to come, times what one is worth, discounted.

A model is only believed when it foresaw the past: fitted to what was known some time ago, it has
to predict what customers have bought since.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from metrics.models.customers import DAYS_A_WEEK, DAYS_A_YEAR, Customers, Floats
from metrics.models.purchasing import (
    Histories,
    Purchasing,
    distinct,
    expected_purchases,
    fit_purchasing,
)
from metrics.models.spending import Spending, expected_amount, fit_spending

FEWEST_REPEATING: Final = 50
"""Customers who came back, from whom the worth of a purchase can be told."""
_MONTHS: Final = 12


@dataclass(frozen=True)
class Prediction:
    """A fitted model, and what it says of each customer.

    `worth` is in minor units, discounted; `foreseen` is how often a customer known at the
    beginning of the days held out was to buy in them.
    """

    purchasing: Purchasing
    spending: Spending
    worth: Floats
    foreseen: Floats


def predict(customers: Customers, *, discount: float) -> Prediction | None:
    """Fit the model, and apply it; None where too few came back to tell what they pay.

    `discount` is by the year.
    """
    repeating = (customers.times_paid > 1) & (customers.mean_paid > 0)
    if np.count_nonzero(repeating) < FEWEST_REPEATING:
        return None
    purchasing = fit_purchasing(distinct(customers.repeats, customers.last, customers.age))
    spending = fit_spending(customers.times_paid[repeating], customers.mean_paid[repeating])
    amounts = expected_amount(spending, customers.times_paid, customers.mean_paid)
    return Prediction(
        purchasing=purchasing,
        spending=spending,
        worth=_discounted_purchases(purchasing, customers, discount) * amounts,
        foreseen=_foreseen(customers),
    )


def _discounted_purchases(of: Purchasing, customers: Customers, discount: float) -> Floats:
    """Purchases of the next 12 months, each worth what it is by the middle of its month."""
    found = np.zeros(len(customers))
    before = np.zeros(len(customers))
    histories = _each(customers.repeats, customers.last, customers.age)
    for month in range(1, _MONTHS + 1):
        weeks = month * DAYS_A_YEAR / _MONTHS / DAYS_A_WEEK
        after = expected_purchases(of, histories, ahead=weeks)
        found += (after - before) / (1 + discount) ** ((month - 0.5) / _MONTHS)
        before = after
    return found


def _foreseen(customers: Customers) -> Floats:
    """What the model would have said before the days held out, of those known by then."""
    found = np.zeros(len(customers))
    known = customers.known
    if not known.any():
        return found
    then = customers.repeats_then[known], customers.last_then[known], customers.age_then[known]
    of = fit_purchasing(distinct(*then))
    weeks = customers.held_out_days / DAYS_A_WEEK
    found[known] = expected_purchases(of, _each(*then), ahead=weeks)
    return found


def _each(repeats: Floats, last: Floats, age: Floats) -> Histories:
    return Histories(repeats, last, age, np.ones(len(repeats)))
