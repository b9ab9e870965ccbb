"""/v1/customers: whom we sell to."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Response, status

from chassis.auth import require
from chassis.concurrency import IfMatch, set_etag
from chassis.errors import Invalid
from chassis.paging import Page, PageDep
from chassis.types import Code, Id, Instant, StrictModel, Text
from chassis.work import WorkDep
from customer.api.fields import Identity, KeptText
from customer.api.guards import refuse_foreign_team, refuse_stale
from customer.domain import Customer, CustomerProfile
from customer.store import CustomerFilter, Customers
from events import uuid7

MOST_IDS: Final = 100
_IDS: Final = f"ids by commas, at most {MOST_IDS}"

router = APIRouter(prefix="/v1/customers", tags=["customers"])


class CustomerAttributes(StrictModel):
    """What may be said of a customer besides its name. `team` decides who sees it."""

    external_ref: Id | None = None
    segment: Code | None = None
    sector: Code | None = None
    region: Code | None = None
    channel: Code | None = None
    owner_id: Id | None = None
    team: Code | None = None


class NewCustomer(CustomerAttributes):
    """`occurred_at` needs history:write."""

    name: Text
    occurred_at: Instant | None = None

    def profile(self) -> CustomerProfile:
        return CustomerProfile(**self.model_dump(exclude={"occurred_at"}))


class CustomerPatch(CustomerAttributes):
    """What is left out stays; null takes a value away. `occurred_at` needs history:write."""

    name: KeptText = None
    occurred_at: Instant | None = None

    def applied_to(self, profile: CustomerProfile) -> CustomerProfile:
        given = self.model_fields_set - {"occurred_at"}
        return replace(profile, **{name: getattr(self, name) for name in given})


class NamedIdentity(Identity):
    name: str


class CustomerView(CustomerAttributes, NamedIdentity):
    """A customer as it is now."""

    registered_at: Instant
    changed_at: Instant

    @classmethod
    def of(cls, customer: Customer) -> CustomerView:
        return cls(
            id=customer.id,
            version=customer.version,
            registered_at=customer.registered_at,
            changed_at=customer.changed_at,
            **asdict(customer.profile),
        )


@router.post("", status_code=status.HTTP_201_CREATED, dependencies=[require("customers:write")])
async def register_customer(body: NewCustomer, work: WorkDep, response: Response) -> CustomerView:
    """Register a customer. An external_ref that is taken is a conflict naming `existing_id`."""
    refuse_foreign_team(work.actor, body.team)
    at = work.moment(body.occurred_at)
    customer, registered = Customer.register(body.profile(), customer_id=uuid7(), at=at)
    await Customers(work).add(customer)
    await work.record(registered, sequence=customer.version, occurred_at=at)
    set_etag(response, customer.version)
    response.headers["Location"] = f"/v1/customers/{customer.id}"
    return CustomerView.of(customer)


@router.get("", dependencies=[require("customers:read")])
async def list_customers(
    wanted: Annotated[CustomerFilter, Depends()],
    page: PageDep,
    work: WorkDep,
    ids: Annotated[str | None, Query(max_length=13_000, description=_IDS)] = None,
) -> Page[CustomerView]:
    """List customers, the newest first. Customers asked for by `ids` come in one page."""
    asked = None if ids is None else _split(ids)
    if asked is not None:
        page = replace(page, limit=max(page.limit, len(asked)))
    found = await Customers(work).find(wanted, ids=asked, after=page.after(str), limit=page.fetch)
    return page.page(found, view=CustomerView.of, key=lambda customer: customer.id)


@router.get("/{customer_id}", dependencies=[require("customers:read")])
async def read_customer(customer_id: Id, work: WorkDep, response: Response) -> CustomerView:
    customer = await Customers(work).get(customer_id)
    set_etag(response, customer.version)
    return CustomerView.of(customer)


@router.patch("/{customer_id}", dependencies=[require("customers:write")])
async def change_customer(
    customer_id: Id, body: CustomerPatch, work: WorkDep, expected: IfMatch, response: Response
) -> CustomerView:
    """Change what is given; a change of nothing keeps the version."""
    store = Customers(work)
    customer = await store.lock(customer_id)
    await refuse_stale(work, expected, CustomerView.of(customer))
    profile = body.applied_to(customer.profile)
    refuse_foreign_team(work.actor, profile.team)
    at = work.moment(body.occurred_at, not_before=customer.changed_at)
    changed, event = customer.change(profile, at=at)
    if event is not None:
        await store.save(customer, changed)
        await work.record(event, sequence=changed.version, occurred_at=at)
    set_etag(response, changed.version)
    return CustomerView.of(changed)


def _split(ids: str) -> list[str]:
    found = [one for one in ids.split(",") if one]
    if not found or len(found) > MOST_IDS:
        raise Invalid(
            f"ids names {len(found)} customers", hint=f"name 1 to {MOST_IDS}", field="query.ids"
        )
    return found
