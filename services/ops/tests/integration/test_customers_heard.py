"""What ops keeps of customers, from the topic `customer`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import asyncpg
import pytest

from events import Event, Received
from events.types import EventData
from events.types.customer import (
    CustomerProfileChanged,
    CustomerRegistered,
    CustomerState,
    LeadCaptured,
    LeadState,
)
from ops.handlers.customers import keep_customers

pytestmark = pytest.mark.asyncio

NOW = datetime(2024, 5, 1, tzinfo=UTC)


def received(data: EventData, sequence: int) -> Received:
    event = Event.of(
        data, source="/tandem/customer", sequence=sequence, occurred_at=NOW, recorded_at=NOW
    )
    return Received(event=event, topic="customer", partition=0, offset=sequence)


async def test_the_last_profile_of_each_customer_is_kept(
    new_database: Callable[[str], str],
) -> None:
    acme = CustomerState(customer_id="acme", segment="smb", region="East")
    zeta = CustomerState(customer_id="zeta", channel="web")
    lead = LeadState(lead_id="l", status="new", captured_at=NOW)
    batch = [
        received(CustomerRegistered(customer=acme), 1),
        received(CustomerRegistered(customer=zeta), 1),
        received(LeadCaptured(lead=lead), 1),
        received(
            CustomerProfileChanged(customer=CustomerState(customer_id="acme", region="West")), 2
        ),
    ]
    connection = await asyncpg.connect(new_database("ops"))
    try:
        for _ in range(2):  # twice: the second time changes nothing
            await keep_customers(connection, batch)
            rows = await connection.fetch(
                "SELECT id, channel, segment, region FROM customers ORDER BY id"
            )
            assert [tuple(row) for row in rows] == [
                ("acme", None, None, "West"),
                ("zeta", "web", None, None),
            ]
        await keep_customers(connection, batch[2:3])
    finally:
        await connection.close()
