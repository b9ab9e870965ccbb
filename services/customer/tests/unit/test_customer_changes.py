"""A customer's versions are contiguous and its events name nobody."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customer.domain import Contact, ContactDetails, Customer, CustomerProfile
from customer.domain.changes import changed_fields
from customer.errors import OccurredBeforeLastChange

START = datetime(2017, 1, 1, tzinfo=UTC)
words = st.none() | st.sampled_from(["a", "b"])
profiles = st.builds(
    CustomerProfile,
    name=st.sampled_from(["Ada Ltd", "Bob GmbH"]),
    external_ref=words,
    segment=words,
    sector=words,
    region=words,
    channel=words,
    owner_id=words,
    team=words,
)


@given(profiles, st.lists(profiles, max_size=8))
def test_every_version_has_exactly_one_event(
    first: CustomerProfile, later: list[CustomerProfile]
) -> None:
    customer, registered = Customer.register(first, customer_id="C1", at=START)
    told = [registered.customer]
    for profile in later:
        before = customer
        customer, event = customer.change(profile, at=START)
        assert (event is None) == (before.profile == profile) == (before is customer)
        if event is not None:
            told.append(event.customer)
    assert customer.version == len(told)
    assert told[-1] == customer.state()
    assert all("Ada" not in repr(state) and "Bob" not in repr(state) for state in told)


def test_a_change_cannot_precede_the_last_one() -> None:
    profile = CustomerProfile(name="Ada Ltd")
    customer, _ = Customer.register(profile, customer_id="C1", at=START)
    with pytest.raises(OccurredBeforeLastChange):
        customer.change(replace(profile, region="East"), at=START - timedelta(days=1))


def test_changed_fields_are_named_in_their_order() -> None:
    before = CustomerProfile(name="Ada Ltd", segment="a", region="x")
    after = CustomerProfile(name="Ada Inc", segment="a", region="y")
    assert changed_fields(before, after) == ("name", "region")
    assert changed_fields(before, before) == ()


def test_a_contact_counts_only_real_changes() -> None:
    details = ContactDetails(name="Ada", email="ada@example.com")
    contact = Contact.add(details, contact_id="P1", customer_id="C1", at=START)
    assert contact.change(details, at=START) is contact
    changed = contact.change(replace(details, role="buyer"), at=START + timedelta(days=1))
    assert (changed.version, changed.created_at) == (2, START)
    assert changed.changed_at == START + timedelta(days=1)
