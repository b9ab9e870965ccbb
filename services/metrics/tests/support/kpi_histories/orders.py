"""Orders of partners, and refunds of orders and deals."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from events.types import partner
from kpi_histories.teller import PARTNERS, Teller


def order(teller: Teller, number: int) -> None:
    rnd, source = teller.rnd, teller.rnd.choice(PARTNERS)
    order_id = teller.shared_id() if rnd.random() < 0.3 else f"o{number}"
    at = teller.instant() - timedelta(days=rnd.choice([0, 0, 0, 365, 400]))
    for _ in range(rnd.choice([1, 1, 1, 2])):
        lines = [
            partner.OrderLine(product=f"p{n}", quantity=1, amount_minor=rnd.randrange(5_000))
            for n in range(rnd.randrange(4))
        ]
        amount = sum(line.amount_minor for line in lines) or rnd.randrange(9_000)
        data = partner.OrderPaid(
            order_id=order_id,
            amount=teller.priced(amount),
            customer_id=teller.a_customer(),
            owner_id=rnd.choice(["ann", "bob", None]),
            lines=lines,
            dimensions=teller.dimensions(),
        )
        teller.say(data, source, at)
        at = teller.later(at)
    teller.maybe_void(source, order_id)
    teller.known["sale"].append(("order", source, order_id))


def refund(teller: Teller, number: int) -> None:
    rnd = teller.rnd
    refund_id = teller.shared_id() if rnd.random() < 0.3 else f"r{number}"
    kind, source, sale_id = _refundable(teller)
    source = source or rnd.choice(PARTNERS)
    for _ in range(rnd.choice([1, 1, 2])):
        data = partner.PaymentRefunded(
            refund_id=refund_id,
            source_type=kind,
            source_id=sale_id,
            amount=teller.priced(rnd.choice([1, 5_000, 100_000_000])),
        )
        teller.say(data, source, teller.instant())
        if rnd.random() < 0.5:
            kind, _, sale_id = _refundable(teller)
    teller.maybe_void(source, refund_id)


def _refundable(teller: Teller) -> tuple[Any, str, str]:
    """(source_type, partner, id) of a sale; some never arrive."""
    sales = teller.known["sale"]
    if not sales or teller.rnd.random() < 0.1:
        return "order", "", "never heard of"
    kind, source, sale_id = teller.rnd.choice(sales)
    return kind, source, sale_id
