"""What a buyer says of his purchases: the first, what followed, and what he did in each period."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from events.types.partner import ActivityRecorded, OrderPaid
from events.types.pipeline import DealWon
from metrics.engine.calendar import Period
from metrics.engine.company import DAY, Company
from metrics.engine.measure import bin_of_period
from metrics.engine.moment import Moment, MomentKind
from metrics.engine.sketch import size_of
from metrics.facts.buyer.purchases import (
    BAND_ENDS,
    BASE_DAYS,
    Days,
    Key,
    Purchase,
    Standing,
    band_of,
    months_between,
    periods_of,
    standings,
    years_later,
)
from metrics.facts.buyer.records import BUYER_DIMENSIONS

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
BUYER_AGAIN: Final = _kind("again", "again")
"""Every further purchase, on its own day; the bin is its size (see `sketch`)."""
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
    *(BUYER_NEW, BUYER_VALUE, BUYER_REPEATED, BUYER_AGAIN, BUYER_BASE, PERIOD_SALE),
    *(BASE_BUYER, BASE_ACTIVE, RENEWABLE, RENEWED),
)


@dataclass(frozen=True, slots=True)
class Change:
    """Which purchases differ, in order, and on which days anything does. The first is the same."""

    keys: Sequence[Key]
    days: Sequence[int]

    def touches(self, period: Period) -> bool:
        """Whether anything that is said of a period can be due to it."""
        return self._lies_in(period.start - BASE_DAYS - 1, period.end)

    def only_in(self, period: Period) -> set[Key] | None:
        """The purchases of a period that alone can say something else; None when all can, since
        the buyer may stand otherwise when it begins.
        """
        before = self._lies_in(period.start - BASE_DAYS - 1, period.start)
        return None if before else set(self.keys)

    def _lies_in(self, start: int, end: int) -> bool:
        place = bisect_left(self.days, start)
        return place < len(self.days) and self.days[place] < end


def loyalty_moments(
    purchases: Sequence[Purchase],
    active: Sequence[int],
    *,
    company: Company,
    named: bool = True,
    periods: Sequence[Period] | None = None,
    change: Change | None = None,
) -> list[Moment]:
    """All that purchases (in order) and active days say, of their own periods or of others.

    A sale to nobody that is `named` is revenue of its period and nothing else: it began no
    customer's story. With a change only what can be due to it.
    """
    kept = [purchase for purchase in purchases if purchase.kept]
    known = kept if named else []
    said: list[Moment] = []
    if known:
        keys = None if change is None else change.keys
        said += _first_moments(known, keys)
        for standing in standings(known, keys):
            said += _base_moments(standing, known[0].day)
        said += _renewal_moments(known, change, company)
    telling = _Telling(Days(purchases), Days(known), active, kept[0] if kept else None)
    if periods is None:
        days = sorted({purchase.day for purchase in purchases} | set(active))
        periods = periods_of(days if change is None else _touched(days, change), company)
    for period in periods:
        if change is not None and not change.touches(period):
            continue
        only = None if change is None else change.only_in(period)
        said += _period_moments(period, telling, only=only)
    return said


def _touched(days: Sequence[int], change: Change) -> set[int]:
    """Of days on which something happened, those whose periods may show a change; and its own."""
    found = set(change.days)
    for day in change.days:
        # A purchase counts for periods that begin up to a year after it, and a year is as long.
        first, end = bisect_left(days, day), bisect_right(days, day + 2 * BASE_DAYS + 2)
        found.update(days[first:end])
    return found


def _first_moments(kept: Sequence[Purchase], changed: Sequence[Key] | None) -> Iterator[Moment]:
    first = kept[0]
    if changed is None:
        yield Moment(BUYER_NEW, first.day, first.cut)
    for purchase in kept if changed is None else _those(kept, changed):
        age = months_between(first.day, purchase.day)
        yield Moment(BUYER_VALUE, first.day, first.cut, 1, purchase.net, age)
        if purchase is not first:
            size = size_of(purchase.base)
            yield Moment(BUYER_AGAIN, purchase.day, purchase.cut, 1, purchase.base, size)
    if len(kept) > 1 and kept[1].at - first.at < REPEAT_DAYS * DAY:
        yield Moment(BUYER_REPEATED, first.day, first.cut)


def _those(kept: Sequence[Purchase], keys: Sequence[Key]) -> list[Purchase]:
    wanted = set(keys)
    return [purchase for purchase in kept if purchase.key in wanted]


def _base_moments(standing: Standing, first_day: int) -> Iterator[Moment]:
    """A stay in the base, cut where the buyer comes into another band of tenure."""
    borders = [first_day + end for end in BAND_ENDS]
    turns = [standing.start, *borders, standing.end]
    days = sorted({day for day in turns if standing.start <= day <= standing.end})
    for start, end in pairwise(days):
        band = band_of(first_day, start + 1)
        yield Moment(BUYER_BASE, start, standing.cut, 1, 0, band)
        yield Moment(BUYER_BASE, end, standing.cut, -1, 0, band)


@dataclass(frozen=True, slots=True)
class _Telling:
    """What the moments of a period are told from."""

    purchases: Days
    kept: Days
    active: Sequence[int]
    first: Purchase | None


def _period_moments(
    period: Period, telling: _Telling, *, only: set[Key] | None
) -> Iterator[Moment]:
    inside, first = telling.purchases.within(period), telling.first
    standing = telling.kept.standing_at(period.start)
    band = band_of(first.day, period.start) if standing and first else 0
    for purchase in inside:
        if only is not None and purchase.key not in only:
            continue
        place, cut = _place_of(purchase, first, period), purchase.cut
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
    place_of_day = bisect_left(telling.active, period.start)
    used = place_of_day < len(telling.active) and telling.active[place_of_day] < period.end
    if bought or used:
        yield Moment(BASE_ACTIVE, period.start, standing.cut, 1, 0, bin_)


def _place_of(purchase: Purchase, first: Purchase | None, period: Period) -> int | None:
    """The place of a sale that is not made to a customer of before the period."""
    if not purchase.kept or first is None:
        return REFUNDED
    if purchase is first:
        return NEW
    return SAME_PERIOD if first.day >= period.start else None


def _renewal_moments(
    kept: Sequence[Purchase], change: Change | None, company: Company
) -> Iterator[Moment]:
    days = Days(kept)
    changed = [purchase.day for purchase in kept] if change is None else change.days
    own = periods_of(changed, company)
    for period in own:
        yield from _renewal(period, days, only=None)
    if change is not None:
        # What these purchases renew: there the others have nothing else to say.
        for period in {years_later(period, -1) for period in own} - set(own):
            yield from _renewal(period, days, only=set(change.keys))


def _renewal(period: Period, days: Days, *, only: set[Key] | None) -> Iterator[Moment]:
    then = days.within(period)
    if not then:
        return
    now = years_later(period, 1)
    cut, bin_ = then[-1].cut, bin_of_period(period.grain)
    if only is None:
        for purchase in then:
            yield Moment(RENEWABLE, now.start, cut, 1, purchase.net, bin_)
    for purchase in days.within(now):
        if only is None or purchase.key in only:
            yield Moment(RENEWED, now.start, cut, 1, purchase.net, bin_)
