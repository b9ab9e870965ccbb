"""Customers that turn out to be others, in any order and sometimes in a circle."""

from __future__ import annotations

from events.types import customer
from kpi_histories.teller import CUSTOMER, OUR_CUSTOMERS, PARTNERS, THEIR_CUSTOMERS, Teller


def merge(teller: Teller, _number: int) -> None:
    rnd = teller.rnd
    if rnd.random() < 0.5:
        source, loser = CUSTOMER, rnd.choice(OUR_CUSTOMERS)
    else:
        source, loser = rnd.choice(PARTNERS), rnd.choice(THEIR_CUSTOMERS)
    survivor = rnd.choice(OUR_CUSTOMERS)
    data = customer.CustomerMerged(loser_id=loser, survivor_id=survivor)
    teller.say(data, source, teller.instant())
    if source in PARTNERS:
        teller.maybe_void(source, loser)
