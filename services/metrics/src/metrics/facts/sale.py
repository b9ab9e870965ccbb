"""What deals and orders have in common: a sale has an amount, and money can go back.

Refunds are dated by their own day and cut as the sale was. A refund whose sale is
not known (yet) counts with unknown members, for the money did go back.
"""

from __future__ import annotations

from typing import Final

import msgspec

from events.money import Money
from events.types import UNKNOWN
from events.types.partner import PaymentRefunded
from metrics.engine.company import Company
from metrics.engine.dimension import Cut, cut_of
from metrics.engine.entry import Entry
from metrics.engine.fact import Ref
from metrics.engine.moment import Moment, MomentKind
from metrics.engine.routing import route

SALE_DIMENSIONS: Final = (
    *("owner", "team", "channel", "segment", "sector", "region", "product", "pipeline"),
)
SALE_REFUNDED: Final = MomentKind(
    name="sale.refunded",
    cube="sale.refunded",
    dimensions=SALE_DIMENSIONS,
    events=(PaymentRefunded,),
)
UNKNOWN_SALE: Final[Cut] = cut_of(**dict.fromkeys(SALE_DIMENSIONS, UNKNOWN))


class Amount(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An amount as booked, and in base minor units (None: no rate was known)."""

    minor: int
    currency: str
    base: int | None


class Refund(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Money that went back at an instant."""

    at: int
    amount: Amount


Refunds = dict[str, Refund]
"""By stream: a partner's refund id, told apart by source."""


def amount_of(money: Money | None, company: Company) -> Amount | None:
    if money is None:
        return None
    base = money.in_base_minor(company.base_currency)
    return Amount(money.amount_minor, money.currency, base)


def with_refund(refunds: Refunds, entry: Entry, *, sale: Ref, company: Company) -> Refunds:
    """The refunds of `sale` after a refund event, which may name another sale than before."""
    data = entry.data
    assert isinstance(data, PaymentRefunded)
    others = {stream: refund for stream, refund in refunds.items() if stream != entry.stream}
    if route(data, source=entry.source) == sale:
        amount = amount_of(data.amount, company)
        assert amount is not None
        others[entry.stream] = Refund(entry.occurred, amount)
    return others


def refund_moments(refunds: Refunds, *, cut: Cut, company: Company) -> list[Moment]:
    return [
        Moment(SALE_REFUNDED, company.day(refund.at), cut, 1, refund.amount.base)
        for _, refund in sorted(refunds.items())
    ]


def fully_refunded(sale: Amount | None, refunds: Refunds) -> bool:
    """Whether all the money of a sale went back, so that it no longer counts as one.

    Compared as booked where the currency is the same, else in base currency; where
    a rate is missing the sale stands.
    """
    if sale is None or not refunds:
        return False
    amounts = [refund.amount for refund in refunds.values()]
    if all(amount.currency == sale.currency for amount in amounts):
        return sale.minor <= sum(amount.minor for amount in amounts)
    if sale.base is None or any(amount.base is None for amount in amounts):
        return False
    return sale.base <= sum(amount.base or 0 for amount in amounts)


def net_of(sale: Amount | None, refunds: Refunds) -> int | None:
    """What is left of a sale in base minor units; None when that is not known."""
    if sale is None or sale.base is None:
        return None
    return sale.base - sum(refund.amount.base or 0 for refund in refunds.values())
