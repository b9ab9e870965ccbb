"""A buyer's purchases in the order in which they were made, and the stretches between them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import msgspec

from metrics.engine.calendar import Grain, Period, period_of
from metrics.engine.company import Company, date_of, day_number
from metrics.engine.dimension import Cut
from metrics.engine.told import Record
from metrics.facts.buyer.records import NAMELESS, PASSED_ON, Dealt, Ordered

PERIOD_GRAINS = (Grain.MONTH, Grain.QUARTER, Grain.YEAR)
BASE_DAYS = 365
"""A customer who bought within so many days before a period belongs to its base."""
BAND_ENDS = (90, 180, 365)
"""Tenure bands end so many days after the first purchase; the last has no end."""


Key = tuple[int, str]
"""Instant and reporter of a purchase: their order."""


class Purchase(msgspec.Struct, frozen=True, gc=False):
    """A sale as its buyer made it. `net` is without what went back, `listed` without discount."""

    at: int
    day: int
    slot: str
    cut: Cut
    base: int | None
    net: int | None
    kept: bool
    listed: int | None = None

    @property
    def key(self) -> Key:
        return self.at, self.slot


def purchases_of(records: Iterable[Record], company: Company) -> list[Purchase]:
    """All sales of a buyer, the first one first; those that were refunded whole are not kept."""
    found = []
    for slot, body in records:
        own = reporter_of(slot)
        if isinstance(body, Ordered):
            day = company.day(body.paid)
            found.append(Purchase(body.paid, day, own, body.cut, body.base, body.net, body.kept))
        elif isinstance(body, Dealt) and body.won and body.closed is not None:
            day = company.day(body.closed)
            kept, listed = body.kept, body.listed
            found.append(
                Purchase(body.closed, day, own, body.cut, body.base, body.net, kept, listed)
            )
    return sorted(found, key=lambda purchase: purchase.key)


def reporter_of(slot: str) -> str:
    """Who told a record: a merged customer's come with the path on which they came."""
    return slot.rpartition(PASSED_ON)[2].removeprefix(NAMELESS)


def band_of(first_day: int, on: int) -> int:
    """The tenure band of a buyer on a day."""
    return bisect_left(BAND_ENDS, on - first_day)


class Standing(NamedTuple):
    """That a buyer belonged to the base of every period that began in (start, end], cut so."""

    start: int
    end: int
    cut: Cut


def standings(kept: Sequence[Purchase], changed: Sequence[Key] | None = None) -> Iterator[Standing]:
    """When the buyer belonged to the base: he counts where he last bought.

    With changed purchases only the stretches in which one of them lies.
    """
    for place, purchase in enumerate(kept):
        following = kept[place + 1] if place + 1 < len(kept) else None
        if changed is not None and not _lies_between(changed, purchase, following):
            continue
        end = purchase.day + BASE_DAYS
        if following is not None:
            end = min(end, following.day)
        if purchase.day < end:
            yield Standing(purchase.day, end, purchase.cut)


def _lies_between(keys: Sequence[Key], one: Purchase, following: Purchase | None) -> bool:
    """Whether any of some keys in order lies from one purchase to the next."""
    place = bisect_left(keys, one.key)
    return place < len(keys) and (following is None or keys[place] <= following.key)


class Days:
    """Purchases in order, by their days."""

    def __init__(self, purchases: Sequence[Purchase]) -> None:
        self._purchases = purchases
        self._days = [purchase.day for purchase in purchases]

    def within(self, period: Period) -> Sequence[Purchase]:
        start = bisect_left(self._days, period.start)
        return self._purchases[start : bisect_left(self._days, period.end, start)]

    def standing_at(self, start: int) -> Purchase | None:
        """The last purchase of a buyer who belongs to the base of a period that begins then."""
        place = bisect_left(self._days, start) - 1
        if place < 0 or start - self._days[place] > BASE_DAYS:
            return None
        return self._purchases[place]


def periods_of(days: Collection[int], company: Company) -> Sequence[Period]:
    """The months, quarters and years that some days lie in."""
    first_month = company.first_month
    if len(days) == 1:
        return _periods_at(*days, first_month)
    return sorted({period for day in days for period in _periods_at(day, first_month)})


@lru_cache(maxsize=16_384)
def _periods_at(day: int, first_month: int) -> Sequence[Period]:
    return sorted(period_of(day, grain, first_month) for grain in PERIOD_GRAINS)


@lru_cache(maxsize=4_096)
def years_later(period: Period, years: int) -> Period:
    """The same period so many years later."""
    start = date_of(period.start)
    later = day_number(start.replace(year=start.year + years))
    return period_of(later, period.grain, period.first_month)


@lru_cache(maxsize=65_536)
def months_between(first_day: int, later_day: int) -> int:
    """Whole calendar months from one day to another."""
    first, later = date_of(first_day), date_of(later_day)
    months = (later.year - first.year) * 12 + later.month - first.month
    return months - (later.day < first.day)
