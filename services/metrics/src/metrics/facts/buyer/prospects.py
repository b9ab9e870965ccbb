"""The funnel of new business: deals of buyers who have not bought yet, up to the first purchase.

A deal that was open longer than `FRESH_DAYS` is stale: it counts no more as something that
could be worked on, unless it is decided after all. A first purchase without a deal (an order)
is its own deal, created, decided and won on its day. So new business is won business, and
nobody is decided who was not workable.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from events.types.partner import OrderPaid
from events.types.pipeline import DealCreated, DealLost, DealWon
from metrics.engine.calendar import Period
from metrics.engine.company import Company
from metrics.engine.dimension import Cut
from metrics.engine.measure import bin_of_period
from metrics.engine.moment import Moment, MomentKind
from metrics.engine.sketch import size_of
from metrics.engine.told import Record
from metrics.facts.buyer.purchases import (
    Purchase,
    periods_of,
    reporter_of,
)
from metrics.facts.buyer.records import BUYER_DIMENSIONS, Dealt

FRESH_DAYS: Final = 180
"""The age that all but a hundredth of decided deals do not reach; fixed, since a percentile that
moves with every decision would restate the past.
"""

_DEALS: Final = (DealCreated, DealWon, DealLost, OrderPaid)


def _kind(name: str, *, stock: bool = False) -> MomentKind:
    return MomentKind(
        name=f"prospect.{name}",
        cube="prospect",
        dimensions=BUYER_DIMENSIONS,
        stock=stock,
        events=_DEALS,
    )


PROSPECT_OPEN: Final = _kind("open", stock=True)
"""Fresh deals of those who have not bought yet."""
PROSPECT_CREATED: Final = _kind("created")
PROSPECT_DECIDED: Final = _kind("decided")
PROSPECT_WON: Final = _kind("won")
"""The first purchase, with its amount; the bin is its size (see `sketch`)."""
PROSPECT_LISTED: Final = _kind("listed")
"""The first purchase of which it is known what it would have cost without a discount, with that."""
PROSPECT_STALE: Final = _kind("stale")
"""A deal that was stale when the period began, and was decided in it after all."""

PROSPECTS: Final = (
    *(PROSPECT_OPEN, PROSPECT_CREATED, PROSPECT_DECIDED),
    *(PROSPECT_WON, PROSPECT_LISTED, PROSPECT_STALE),
)


def prospect_moments(
    records: Sequence[Record],
    first: Purchase | None,
    *,
    company: Company,
    periods: Sequence[Period] | None = None,
    are_all: bool = True,
) -> list[Moment]:
    """What a buyer's deals say until his first purchase; of their own periods or of others.

    Of some of his deals only what these say.
    """
    said: list[Moment] = []
    deals = [(reporter_of(slot), body) for slot, body in records if isinstance(body, Dealt)]
    for slot, deal in deals:
        if first is None or (deal.created, slot) <= (first.at, first.slot) or slot == first.slot:
            said += _deal_moments(slot, deal, first=first, company=company, periods=periods)
    if are_all and first is not None and first.slot not in {slot for slot, _ in deals}:
        said += [
            Moment(PROSPECT_CREATED, first.day, first.cut),
            Moment(PROSPECT_DECIDED, first.day, first.cut),
            *_won(first, first.day, first.cut),
        ]
    return said


def _deal_moments(
    slot: str,
    deal: Dealt,
    *,
    first: Purchase | None,
    company: Company,
    periods: Sequence[Period] | None,
) -> Iterator[Moment]:
    cut = deal.cut
    closed = deal.closed
    if first is not None and closed is not None and (closed, slot) > (first.at, first.slot):
        closed = None
    left = closed if closed is not None or first is None else first.at
    end = None if left is None else company.day(left)
    start = company.day(deal.created)
    if end is not None:
        start = min(start, end)
    yield Moment(PROSPECT_CREATED, start, cut)
    yield from _open_moments(start, end, cut)
    if closed is None or end is None:
        return
    yield Moment(PROSPECT_DECIDED, end, cut)
    if first is not None and slot == first.slot:
        yield from _won(first, end, cut)
    for period in periods_of([end], company) if periods is None else periods:
        if period.start <= end < period.end and start + FRESH_DAYS < period.start:
            yield Moment(PROSPECT_STALE, period.start, cut, 1, 0, bin_of_period(period.grain))


def _won(first: Purchase, day: int, cut: Cut) -> Iterator[Moment]:
    yield Moment(PROSPECT_WON, day, cut, 1, first.base, size_of(first.base))
    if first.listed is not None and first.base is not None:
        yield Moment(PROSPECT_LISTED, day, cut, 1, first.listed)


def _open_moments(start: int, end: int | None, cut: Cut) -> Iterator[Moment]:
    stale = start + FRESH_DAYS
    until = stale if end is None else min(end, stale)
    if start < until:
        yield Moment(PROSPECT_OPEN, start, cut)
        yield Moment(PROSPECT_OPEN, until, cut, -1)
