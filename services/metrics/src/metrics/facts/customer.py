"""Customers: what the customer service says of them; their buyers are what they bought."""

from __future__ import annotations

import msgspec

from events.types.customer import CustomerMerged
from metrics.engine.company import Company
from metrics.engine.entry import Entry
from metrics.engine.fact import Ref, Report, ReportingKind
from metrics.engine.moment import Moment, MomentKind
from metrics.facts.buyer.records import Merged, buyer_key, to_buyer


class Customer(msgspec.Struct, frozen=True, array_like=True):
    """Into whose buyer the customer was merged, and the buyer that it was."""

    buyer: str | None = None
    survivor: str | None = None


class CustomerKind(ReportingKind[Customer]):
    """See `FactKind`. An erased customer keeps its numbers: they name nobody."""

    name = "customer"
    empty = Customer()

    def says(self, _kind: MomentKind) -> bool:
        return False

    def apply(self, state: Customer, entry: Entry, /, *, key: str, company: Company) -> Customer:  # noqa: ARG002 - as FactKind
        data = entry.data
        if not isinstance(data, CustomerMerged):
            return state
        return Customer(
            buyer_key(data.loser_id, source=entry.source),
            buyer_key(data.survivor_id, source=entry.source),
        )

    def reports(self, state: Customer, /, *, key: str) -> list[Report]:
        if state.survivor is None or state.survivor == state.buyer:
            return []
        return [to_buyer(state.buyer, Ref(self.name, key), Merged(state.survivor))]

    def moments(self, _state: Customer, _company: Company, /) -> list[Moment]:
        return []

    def problems(self, state: Customer, /) -> tuple[str, ...]:
        merged = state.survivor is not None and state.survivor == state.buyer
        return ("merged_into_itself",) if merged else ()
