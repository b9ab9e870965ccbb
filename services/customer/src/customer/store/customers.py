"""Customers in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from sqlalchemy import ColumnElement, func
from sqlmodel import col

from chassis.types import Code, Id, Text
from customer.domain import Customer, CustomerProfile
from customer.errors import CustomerNotFound
from customer.store.scoped import ScopedStore
from customer.tables import CustomerRow

_PROFILE = tuple(field.name for field in fields(CustomerProfile))


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerFilter:
    """Which customers are wanted; None asks nothing. `name` is the beginning, in any case.

    Its fields are the query parameters of the list, hence their strict types.
    """

    name: Text | None = None
    external_ref: Id | None = None
    segment: Code | None = None
    sector: Code | None = None
    region: Code | None = None
    channel: Code | None = None
    owner_id: Id | None = None
    team: Code | None = None


class Customers(ScopedStore[CustomerRow, Customer]):
    """The customers that the actor may see."""

    row_class = CustomerRow
    not_found = CustomerNotFound

    async def find(
        self,
        wanted: CustomerFilter,
        *,
        ids: Sequence[str] | None = None,
        after: str | None = None,
        limit: int,
    ) -> list[Customer]:
        """Those that match, the newest first; with `ids` only of these."""
        conditions = _conditions(wanted)
        if ids is not None:
            conditions.append(col(CustomerRow.id).in_(ids))
        return await self._find(conditions, after=after, limit=limit)

    def state_of(self, row: CustomerRow) -> Customer:
        return Customer(
            id=row.id,
            version=row.version,
            profile=CustomerProfile(**{name: getattr(row, name) for name in _PROFILE}),
            registered_at=row.registered_at,
            changed_at=row.changed_at,
        )

    def values_of(self, state: Customer) -> dict[str, Any]:
        return {
            "id": state.id,
            "version": state.version,
            **asdict(state.profile),
            "registered_at": state.registered_at,
            "changed_at": state.changed_at,
        }


def _conditions(wanted: CustomerFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    for field in fields(wanted):
        value = getattr(wanted, field.name)
        if value is None:
            continue
        if field.name == "name":
            conditions.append(
                func.lower(CustomerRow.name).startswith(value.lower(), autoescape=True)
            )
        else:
            conditions.append(getattr(CustomerRow, field.name) == value)
    return conditions
