"""Keeps what other services have told us: customers' dimensions and leads' origins."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from events import Connection
from events.types import Dimensions
from events.types.pipeline import LeadOrigin

_CUSTOMERS = """
INSERT INTO customers (id, sequence, dimensions)
SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[]::jsonb[])
ON CONFLICT (id) DO UPDATE
SET sequence = EXCLUDED.sequence, dimensions = EXCLUDED.dimensions
WHERE customers.sequence < EXCLUDED.sequence"""

_LEADS = """
INSERT INTO leads (id, origin)
SELECT * FROM unnest($1::text[], $2::text[]::jsonb[])
ON CONFLICT (id) DO UPDATE SET origin = EXCLUDED.origin"""


async def put_customers(
    connection: Connection, customers: Mapping[str, tuple[int, Dimensions]]
) -> None:
    """Keep the newest dimensions of customers, by id, with the event's sequence."""
    if not customers:
        return
    ids = sorted(customers)
    await connection.execute(
        _CUSTOMERS,
        ids,
        [customers[one][0] for one in ids],
        [_json(customers[one][1]) for one in ids],
    )


async def put_leads(connection: Connection, leads: Mapping[str, LeadOrigin]) -> None:
    """Keep where deals may come from."""
    if leads:
        ids = sorted(leads)
        await connection.execute(_LEADS, ids, [_json(leads[one]) for one in ids])


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
