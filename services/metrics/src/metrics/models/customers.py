"""What models are fitted to: when customers bought, and for how much.

Numbers alone; what needs special functions or an optimiser, and loads scipy, is in `lifetime`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DAYS_A_YEAR: Final = 365
DAYS_A_WEEK: Final = 7.0
"""Histories are told in weeks, as those of the literature are; days would fit as well."""


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
    weeks = (history[-1].day - first) / DAYS_A_WEEK, (until - first) / DAYS_A_WEEK
    return len(history) - 1, *weeks
