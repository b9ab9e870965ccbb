"""Merged and erased customers: one from the first day, and their money stays (oracle 17)."""

from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from kpi_histories import CUSTOMER, History, shuffled
from kpi_histories.teller import OUR_CUSTOMERS
from kpi_stories import NEW_YORK, NOON, event
from memory_shelf import folded

from events import Event
from events.types.customer import CustomerErased, CustomerMerged

HISTORIES = st.builds(
    History,
    st.integers(0, 2**40),
    facts=st.integers(1, 25),
    of=st.just(["deal", "order", "refund", "lead", "user"]),
)
FIRST, SECOND, LAST, *_ = OUR_CUSTOMERS


def merged(loser: str, survivor: str) -> Event:
    data = CustomerMerged(loser_id=loser, survivor_id=survivor)
    return event(data, 1, NOON + timedelta(days=200), source=CUSTOMER)


def under_one_id(events: list[Event], one: str, *others: str) -> list[Event]:
    """The same history, as if the customers had been called so from the first day."""

    def renamed(told: Event) -> Event:
        text = msgspec.json.encode(told.data).decode()
        for other in others:
            text = text.replace(other, one)
        return msgspec.structs.replace(told, data=msgspec.json.decode(text, type=type(told.data)))

    return [renamed(told) for told in events]


@settings(max_examples=15)
@given(HISTORIES, st.integers(0, 2**40))
def test_17_merged_customers_are_one_from_the_first_day_in_whatever_order_they_were_merged(
    history: History, order: int
) -> None:
    mergers = [merged(FIRST, SECOND), merged(SECOND, LAST)]
    as_one = folded([under_one_id(history.events, LAST, FIRST, SECOND)], NEW_YORK)
    for told in permutations(mergers):
        mixed = shuffled([*history.events, *told], order)
        assert folded(mixed, NEW_YORK).cells == as_one.cells


@settings(max_examples=15)
@given(HISTORIES)
def test_17_erasure_leaves_all_figures(history: History) -> None:
    erased = [
        event(CustomerErased(customer_id=who), 1, NOON, source=CUSTOMER) for who in OUR_CUSTOMERS
    ]
    before = folded([history.events], NEW_YORK)
    assert folded([history.events, erased], NEW_YORK).cells == before.cells
