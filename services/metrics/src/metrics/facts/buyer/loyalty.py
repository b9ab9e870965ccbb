"""What a buyer says of his purchases: the first, what followed, and what he did in each period."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from events.types.partner import ActivityRecorded, OrderPaid
from events.types.pipeline import DealWon
from metrics.engine.calendar import Period
from metrics.engine.company import DAY
from metrics.engine.measure import bin_of_period
from metrics.engine.moment import Moment, MomentKind
from metrics.facts.buyer.purchases import (
    BAND_ENDS,
    BUYER_DIMENSIONS,
    Purchase,
    Standing,
    a_year_later,
    band_of,
    months_between,
    periods_of,
    standing_at,
    standings,
)

_SALES: Final = (DealWon, OrderPaid)


def _kind(name: str, cube: str, *, stock: bool = False) -> MomentKind:
    return MomentKind(
        name=f"buyer.{name}",
        cube=f"buyer.{cube}",
        dimensions=BUYER_DIMENSIONS,
        stock=stock,
        events=_SALES,
    )


BUYER_NEW: Final = _kind("new", "first")
"""On the day of the first purchase."""
BUYER_VALUE: Final = _kind("value", "first")
"""What every purchase left, on the day of the first; its bin is the age in calendar months."""
BUYER_REPEATED: Final = _kind("repeated", "first")
"""On the day of the first purchase, when another followed within `REPEAT_DAYS`."""
BUYER_BASE: Final = _kind("base", "base", stock=True)
"""Buyers with a purchase in the last 365 days; the bin is the band of their tenure."""
PERIOD_SALE: Final = _kind("period_sale", "period")
"""A sale in a period; its place is the tenure band of its buyer, or one of those below."""
BASE_BUYER: Final = _kind("base_buyer", "period")
BASE_ACTIVE: Final = MomentKind(
    name="buyer.base_active",
    cube="buyer.period",
    dimensions=BUYER_DIMENSIONS,
    events=(*_SALES, ActivityRecorded),
)
"""A buyer of the base who bought, or did anything at all, in a period; the place is his band."""
RENEWABLE: Final = _kind("renewable", "renewal")
"""What a buyer left in the same period a year before."""
RENEWED: Final = _kind("renewed", "renewal")
"""What a buyer of the same period a year before left in this one."""

BANDS: Final = len(BAND_ENDS) + 1
NEW, SAME_PERIOD, REACTIVATED, REFUNDED = range(BANDS, BANDS + 4)
"""Places of sales that are not made to the base: a first purchase, further ones in its period,
one after more than 365 days, and one that was paid back whole.
"""

REPEAT_DAYS: Final = 180
VALUE_MONTHS: Final = 12

LOYALTY: Final = (
    *(BUYER_NEW, BUYER_VALUE, BUYER_REPEATED, BUYER_BASE, PERIOD_SALE),
    *(BASE_BUYER, BASE_ACTIVE, RENEWABLE, RENEWED),
)


def loyalty_moments(
    purchases: Sequence[Purchase], active: Sequence[int], *, periods: Sequence[Period] | None = None
) -> list[Moment]:
    """All that purchases (in order) and active days say, of their own periods or of others."""
    kept = [purchase for purchase in purchases if purchase.kept]
    said: list[Moment] = []
    if kept:
        said += _first_moments(kept)
        for standing in standings(kept):
            said += _base_moments(standing, kept[0].day)
        said += _renewal_moments(kept)
    days = {purchase.day for purchase in purchases} | set(active)
    for period in periods_of(days) if periods is None else periods:
        said += _period_moments(period, purchases, kept=kept, active=active)
    return said


def _first_moments(kept: Sequence[Purchase]) -> Iterator[Moment]:
    first = kept[0]
    yield Moment(BUYER_NEW, first.day, first.cut)
    for purchase in kept:
        age = months_between(first.day, purchase.day)
        yield Moment(BUYER_VALUE, first.day, first.cut, 1, purchase.net, age)
    if any(purchase.at - first.at < REPEAT_DAYS * DAY for purchase in kept[1:]):
        yield Moment(BUYER_REPEATED, first.day, first.cut)


def _base_moments(standing: Standing, first_day: int) -> Iterator[Moment]:
    """A stay in the base, cut where the buyer comes into another band of tenure."""
    borders = [first_day + end for end in BAND_ENDS]
    turns = [standing.start, *borders, standing.end]
    days = sorted({day for day in turns if standing.start <= day <= standing.end})
    for start, end in pairwise(days):
        band = band_of(first_day, start + 1)
        yield Moment(BUYER_BASE, start, standing.cut, 1, 0, band)
        yield Moment(BUYER_BASE, end, standing.cut, -1, 0, band)


def _period_moments(
    period: Period,
    purchases: Sequence[Purchase],
    *,
    kept: Sequence[Purchase],
    active: Sequence[int],
) -> Iterator[Moment]:
    inside = [p for p in purchases if period.start <= p.day < period.end]
    standing = standing_at(kept, period.start)
    band = band_of(kept[0].day, period.start) if standing else 0
    for purchase in inside:
        place, cut = _place_of(purchase, kept, period), purchase.cut
        if place is None and standing:
            place, cut = band, standing.cut
        bin_ = bin_of_period(period.grain, REACTIVATED if place is None else place)
        yield Moment(PERIOD_SALE, period.start, cut, 1, purchase.base, bin_)
    if standing is None:
        return
    bin_ = bin_of_period(period.grain, band)
    bought = any(purchase.kept for purchase in inside)
    if bought:
        yield Moment(BASE_BUYER, period.start, standing.cut, 1, 0, bin_)
    if bought or any(period.start <= day < period.end for day in active):
        yield Moment(BASE_ACTIVE, period.start, standing.cut, 1, 0, bin_)


def _place_of(purchase: Purchase, kept: Sequence[Purchase], period: Period) -> int | None:
    """The place of a sale that is not made to a customer of before the period."""
    if not purchase.kept:
        return REFUNDED
    if purchase is kept[0]:
        return NEW
    return SAME_PERIOD if kept[0].day >= period.start else None


def _renewal_moments(kept: Sequence[Purchase]) -> Iterator[Moment]:
    for period in periods_of(purchase.day for purchase in kept):
        then = [p for p in kept if period.start <= p.day < period.end]
        now = a_year_later(period)
        cut, bin_ = then[-1].cut, bin_of_period(period.grain)
        for purchase in then:
            yield Moment(RENEWABLE, now.start, cut, 1, purchase.net, bin_)
        for purchase in kept:
            if now.start <= purchase.day < now.end:
                yield Moment(RENEWED, now.start, cut, 1, purchase.net, bin_)
