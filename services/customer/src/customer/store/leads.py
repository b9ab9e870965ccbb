"""Leads in PostgreSQL."""

from dataclasses import asdict, dataclass, fields
from typing import Any, cast

import msgspec
from sqlalchemy import ColumnElement
from sqlmodel import col

from chassis.types import Code, Id, Instant
from customer.domain import Conversion, Lead, LeadProfile
from customer.errors import LeadNotFound
from customer.store.scoped import ScopedStore
from customer.tables import LeadRow
from events.types.customer import DealRequest, LeadStatus

_PROFILE = tuple(field.name for field in fields(LeadProfile))
_STEPS = (
    "captured_at",
    "contacted_at",
    "qualified_at",
    "disqualified_at",
    "disqualified_reason",
    "disqualified_note",
    "converted_at",
    "changed_at",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadFilter:
    """Which leads are wanted; None asks nothing. `captured_until` is exclusive.

    Its fields are the query parameters of the list, hence their strict types.
    """

    status: LeadStatus | None = None
    external_ref: Id | None = None
    channel: Code | None = None
    segment: Code | None = None
    sector: Code | None = None
    region: Code | None = None
    product: Code | None = None
    campaign_id: Id | None = None
    owner_id: Id | None = None
    team: Code | None = None
    customer_id: Id | None = None
    captured_from: Instant | None = None
    captured_until: Instant | None = None


class Leads(ScopedStore[LeadRow, Lead]):
    """The leads that the actor may see."""

    row_class = LeadRow
    not_found = LeadNotFound

    async def find(self, wanted: LeadFilter, *, after: str | None, limit: int) -> list[Lead]:
        return await self._find(_conditions(wanted), after=after, limit=limit)

    def state_of(self, row: LeadRow) -> Lead:
        return Lead(
            id=row.id,
            version=row.version,
            status=cast("LeadStatus", row.status),
            profile=LeadProfile(**{name: getattr(row, name) for name in _PROFILE}),
            conversion=_conversion(row),
            **{name: getattr(row, name) for name in _STEPS},
        )

    def values_of(self, state: Lead) -> dict[str, Any]:
        made = state.conversion
        return {
            "id": state.id,
            "version": state.version,
            "status": state.status,
            **asdict(state.profile),
            **{name: getattr(state, name) for name in _STEPS},
            "customer_id": made.customer_id if made else None,
            "contact_id": made.contact_id if made else None,
            "deal": msgspec.to_builtins(made.deal) if made and made.deal else None,
        }


def _conversion(row: LeadRow) -> Conversion | None:
    if row.customer_id is None:
        return None
    deal = None if row.deal is None else msgspec.convert(row.deal, DealRequest)
    return Conversion(customer_id=row.customer_id, contact_id=row.contact_id, deal=deal)


def _conditions(wanted: LeadFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    for field in fields(wanted):
        value = getattr(wanted, field.name)
        if value is None:
            continue
        if field.name == "captured_from":
            conditions.append(col(LeadRow.captured_at) >= value)
        elif field.name == "captured_until":
            conditions.append(col(LeadRow.captured_at) < value)
        else:
            conditions.append(getattr(LeadRow, field.name) == value)
    return conditions
