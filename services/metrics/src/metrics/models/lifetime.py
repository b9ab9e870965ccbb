"""What customers will still be worth: purchases to come, times what one is worth, discounted.

A model is only believed when it foresaw the past: fitted to what was known some time ago, it has
to predict what customers have bought since.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from metrics.models.fitting import Floats
from metrics.models.purchasing import (
    Histories,
    Purchasing,
    distinct,
    expected_purchases,
    fit_purchasing,
)
from metrics.models.spending import Spending, expected_amount, fit_spending

DAYS_A_YEAR: Final = 365
FEWEST_REPEATING: Final = 50
"""Customers who came back, from whom the worth of a purchase can be told."""
_WEEK: Final = 7.0
"""Histories are told in weeks, as those of the literature are; days would fit as well."""
_MONTHS: Final = 12


class Occasion(NamedTuple):
    """A day on which a customer bought, and for how much; None when nothing of it was priced."""

    day: int
    minor: int | None


@dataclass(frozen=True)
class Customers:
    """What is known at a day of all customers, one place for each.

    Of how often they buy, as of the day and as of an earlier one (`known` then, or not yet),
    and how often since; of what they paid, over the occasions that have a price.
    """

    until: int
    held_out_days: int
    repeats: Floats
    last: Floats
    age: Floats
    known: NDArray[np.bool_]
    repeats_then: Floats
    last_then: Floats
    age_then: Floats
    since: Floats
    times_paid: Floats
    mean_paid: Floats

    def __len__(self) -> int:
        return len(self.repeats)

    @property
    def digest(self) -> bytes:
        """Tells different customers apart; the same ones have the same."""
        told = hashlib.blake2b(f"{self.until}/{self.held_out_days}".encode())
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray):
                told.update(value.tobytes())
        return told.digest()


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


def customers_at(until: int, histories: Sequence[Sequence[Occasion]]) -> Customers:
    """What is known of customers by the days before `until`. Each has an occasion, in order.

    The last year is held out where there are two, else the later half.
    """
    first = min((history[0].day for history in histories), default=until)
    held_out = min(DAYS_A_YEAR, (until - first) // 2)
    split = until - held_out
    now = [_spell(history, until) for history in histories]
    then = [_spell([one for one in history if one.day < split], split) for history in histories]
    paid = [[one.minor for one in history if one.minor is not None] for history in histories]
    repeats, last, age = np.array(now, dtype=float).reshape(-1, 3).T
    repeats_then, last_then, age_then = np.array(then, dtype=float).reshape(-1, 3).T
    return Customers(
        until=until,
        held_out_days=held_out,
        repeats=repeats,
        last=last,
        age=age,
        known=age_then > 0,
        repeats_then=repeats_then,
        last_then=last_then,
        age_then=age_then,
        since=np.array([sum(one.day >= split for one in history) for history in histories], float),
        times_paid=np.array([len(amounts) for amounts in paid], float),
        mean_paid=np.array([sum(amounts) / len(amounts) if amounts else 0 for amounts in paid]),
    )


def _spell(history: Sequence[Occasion], until: int) -> tuple[int, float, float]:
    """How often he came back, and the weeks from his first occasion to the last, and until now."""
    if not history:
        return 0, 0.0, 0.0
    first = history[0].day
    weeks = (history[-1].day - first) / _WEEK, (until - first) / _WEEK
    return len(history) - 1, *weeks


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
        weeks = month * DAYS_A_YEAR / _MONTHS / _WEEK
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
    weeks = customers.held_out_days / _WEEK
    found[known] = expected_purchases(of, _each(*then), ahead=weeks)
    return found


def _each(repeats: Floats, last: Floats, age: Floats) -> Histories:
    return Histories(repeats, last, age, np.ones(len(repeats)))
