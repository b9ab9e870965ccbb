"""Orders: sales that were made elsewhere; a partner tells us that they were paid."""

from __future__ import annotations

from typing import Final

import msgspec

from events.types import UNKNOWN
from events.types.partner import OrderPaid, PaymentRefunded
from metrics.engine.company import Company
from metrics.engine.dimension import Cut, Member, cut_of
from metrics.engine.entry import Entry
from metrics.engine.fact import Ref, Report, ReportingKind
from metrics.engine.moment import Moment, MomentKind
from metrics.facts.buyer.records import Ordered, buyer_cut, buyer_key, to_buyer
from metrics.facts.sale import (
    SALE_DIMENSIONS,
    SALE_REFUNDED,
    UNKNOWN_SALE,
    Amount,
    Refunds,
    amount_of,
    fully_refunded,
    net_of,
    refund_moments,
    with_refund,
)

ORDER_PAID: Final = MomentKind(
    name="order.paid", cube="order", dimensions=SALE_DIMENSIONS, events=(OrderPaid,)
)


class Order(msgspec.Struct, frozen=True, array_like=True):
    """The last version of an order, and what was paid back of it."""

    paid: int | None = None
    amount: Amount | None = None
    cut: Cut = UNKNOWN_SALE
    refunds: Refunds = {}
    buyer: str | None = None
    """Key of the customer's buyer."""


class OrderKind(ReportingKind[Order]):
    """See `FactKind`."""

    name = "order"
    empty = Order()

    def says(self, kind: MomentKind) -> bool:
        return kind in (ORDER_PAID, SALE_REFUNDED)

    def apply(self, state: Order, entry: Entry, /, *, key: str, company: Company) -> Order:
        data = entry.data
        if isinstance(data, OrderPaid):
            amount = amount_of(data.amount, company)
            customer = data.customer_id
            buyer = None if customer is None else buyer_key(customer, source=entry.source)
            return Order(entry.occurred, amount, _cut_of(data), state.refunds, buyer)
        if isinstance(data, PaymentRefunded):
            refunds = with_refund(state.refunds, entry, sale=Ref("order", key), company=company)
            return msgspec.structs.replace(state, refunds=refunds)
        return state

    def reports(self, state: Order, /, *, key: str) -> list[Report]:
        if state.paid is None or state.amount is None:
            return []
        own, amount, refunds = Ref("order", key), state.amount, state.refunds
        told = Ordered(
            state.paid,
            buyer_cut(state.cut),
            amount.base,
            net_of(amount, refunds),
            kept=not fully_refunded(amount, refunds),
        )
        return [to_buyer(state.buyer, own, told)]

    def moments(self, state: Order, company: Company, /) -> list[Moment]:
        said = refund_moments(state.refunds, cut=state.cut, company=company)
        if state.paid is not None and state.amount is not None:
            on = company.day(state.paid)
            said.append(Moment(ORDER_PAID, on, state.cut, 1, state.amount.base))
        return said

    def problems(self, state: Order, /) -> tuple[str, ...]:
        return ("refund_without_sale",) if state.refunds and state.paid is None else ()


def _cut_of(order: OrderPaid) -> Cut:
    dimensions = order.dimensions
    return cut_of(
        owner=order.owner_id or UNKNOWN,
        team=dimensions.team or UNKNOWN,
        channel=dimensions.channel or UNKNOWN,
        segment=dimensions.segment or UNKNOWN,
        sector=dimensions.sector or UNKNOWN,
        region=dimensions.region or UNKNOWN,
        product=_products_of(order),
        pipeline=UNKNOWN,
    )


def _products_of(order: OrderPaid) -> Member:
    """The products of the lines, weighted by what was paid for them."""
    amounts: dict[str, int] = {}
    for line in order.lines:
        amounts[line.product] = amounts.get(line.product, 0) + line.amount_minor
    if not amounts:
        return order.dimensions.product or UNKNOWN
    if len(amounts) == 1:
        return next(iter(amounts))
    return tuple(sorted(amounts.items()))
