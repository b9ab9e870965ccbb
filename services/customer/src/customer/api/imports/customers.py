"""Import of customers: a row is known by its external_ref, and sent again it changes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from chassis.bulk import Accepted, RowResult, reject
from chassis.errors import Refusal
from chassis.types import Id, Instant, Text
from chassis.work import Work
from customer.api.customers import CustomerAttributes
from customer.api.guards import refuse_foreign_team
from customer.api.imports.outcome import Outcome, moment_of, unless_overtaken, write
from customer.domain import Customer, CustomerProfile
from customer.errors import ExternalRefTaken, KnownOtherwise
from customer.store import Customers
from events import uuid7


class ImportedCustomer(CustomerAttributes):
    """A customer of another system. A field that is left out keeps what is known."""

    external_ref: Id
    name: Text
    registered_at: Instant | None = None

    def applied_to(self, profile: CustomerProfile) -> CustomerProfile:
        given = self.model_fields_set - {"registered_at"}
        return replace(profile, **{name: getattr(self, name) for name in given})


async def import_customers(
    work: Work, rows: Sequence[Accepted[ImportedCustomer]]
) -> list[RowResult]:
    """Create, update or leave each row's customer; answers every row."""

    async def attempt() -> list[RowResult]:
        store = Customers(work)
        known = await store.by_refs((one.row.external_ref for one in rows), lock=True)
        outcomes: list[Outcome[Customer]] = []
        rejected: list[RowResult] = []
        for one in rows:
            try:
                outcomes.append(_plan(work, one, known))
            except Refusal as refusal:
                rejected.append(reject(one.index, refusal))
        await write(store, outcomes)
        await work.record_all(told for one in outcomes for told in one.happened)
        return rejected + [one.result for one in outcomes]

    return await unless_overtaken(work, attempt)


def _plan(
    work: Work, one: Accepted[ImportedCustomer], known: Mapping[str, Customer]
) -> Outcome[Customer]:
    row = one.row
    refuse_foreign_team(work.actor, row.team)
    before = known.get(row.external_ref)
    if before is None:
        at = moment_of(work, row.registered_at, field_name="registered_at")
        profile = row.applied_to(CustomerProfile(name=row.name))
        customer, registered = Customer.register(profile, customer_id=uuid7(), at=at)
        return Outcome(one.index, None, customer, [(registered, customer.version, at)])
    if not work.actor.sees(before.team):
        raise ExternalRefTaken(row.external_ref, existing_id=None)
    if row.registered_at not in (None, before.registered_at):
        raise KnownOtherwise("registered_at", before.registered_at.isoformat())
    outcome = Outcome(one.index, before, before)
    # What a later file says of a customer we learn now, whenever it became so.
    now = work.moment(None, not_before=before.changed_at)
    outcome.apply(before.change(row.applied_to(before.profile), at=now), at=now)
    return outcome
