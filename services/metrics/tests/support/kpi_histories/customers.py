"""Customers: what is told of them, and that they turn out to be others, sometimes in a circle."""

from __future__ import annotations

from events.types.customer import (
    CustomerErased,
    CustomerMerged,
    CustomerProfileChanged,
    CustomerRegistered,
    CustomerState,
)
from kpi_histories.teller import CUSTOMER, OUR_CUSTOMERS, PARTNERS, THEIR_CUSTOMERS, Teller


def merge(teller: Teller, _number: int) -> None:
    source, loser = _one(teller)
    survivor = teller.rnd.choice(OUR_CUSTOMERS)
    data = CustomerMerged(loser_id=loser, survivor_id=survivor)
    teller.say(data, source, teller.instant())
    if source in PARTNERS:
        teller.maybe_void(source, loser)


def customer(teller: Teller, _number: int) -> None:
    """No KPI counts these, and none may be disturbed: what was sold stays when a name goes."""
    source, who = _one(teller)
    state = CustomerState(customer_id=who, segment=teller.rnd.choice(["large", None]))
    for data in (
        CustomerRegistered(customer=state),
        CustomerProfileChanged(customer=state),
        CustomerErased(customer_id=who),
    ):
        if teller.rnd.random() < 0.6:
            teller.say(data, source, teller.instant())
    if source in PARTNERS and teller.told(source, who):
        teller.maybe_void(source, who)


def _one(teller: Teller) -> tuple[str, str]:
    """Who tells, and of whom."""
    rnd = teller.rnd
    if rnd.random() < 0.5:
        return CUSTOMER, rnd.choice(OUR_CUSTOMERS)
    return rnd.choice(PARTNERS), rnd.choice(THEIR_CUSTOMERS)
