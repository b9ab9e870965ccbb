"""Keep each customer's channel, segment, sector and region, as the topic `customer` tells them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from events import Connection, Received
from events.types.customer import CustomerProfileChanged, CustomerRegistered, CustomerState

_KEEP: Final = """
INSERT INTO customers (id, channel, segment, sector, region)
SELECT c.customer_id, c.channel, c.segment, c.sector, c.region
FROM jsonb_to_recordset($1::jsonb)
  AS c(customer_id text, channel text, segment text, sector text, region text)
ON CONFLICT (id) DO UPDATE SET channel = excluded.channel, segment = excluded.segment,
  sector = excluded.sector, region = excluded.region"""


async def keep_customers(connection: Connection, received: Sequence[Received]) -> None:
    """The last state of each customer in the batch; events of one customer come in their order."""
    latest: dict[str, CustomerState] = {}
    for item in received:
        data = item.event.data
        if isinstance(data, CustomerRegistered | CustomerProfileChanged):
            latest[data.customer.customer_id] = data.customer
    if latest:
        await connection.execute(_KEEP, msgspec.json.encode(list(latest.values())).decode())
