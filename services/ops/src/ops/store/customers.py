"""What ops keeps of customers, so that projects can say where they belong."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlmodel import col, select

from chassis.work import Work
from events import Dimensions
from ops.errors.shared import (
    CustomerNotKnownYet,
)
from ops.tables import CustomerRow


async def known_customer(work: Work, customer_id: str) -> CustomerRow:
    """Raises CustomerNotKnownYet: its registration may still be on the way."""
    found = await known_customers(work, [customer_id])
    if customer_id not in found:
        raise CustomerNotKnownYet(customer_id)
    return found[customer_id]


async def known_customers(work: Work, ids: Iterable[str]) -> dict[str, CustomerRow]:
    """The known ones among these customers, by id."""
    found = await work.session.exec(select(CustomerRow).where(col(CustomerRow.id).in_(list(ids))))
    return {row.id: row for row in found}


def placed(dimensions: Dimensions, customer: CustomerRow) -> Dimensions:
    """With the customer's channel, segment and sector, and its region unless one was given."""
    return msgspec.structs.replace(
        dimensions,
        channel=customer.channel,
        segment=customer.segment,
        sector=customer.sector,
        region=dimensions.region or customer.region,
    )
