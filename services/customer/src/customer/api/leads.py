"""/v1/leads: somebody's interest, from its capture to a customer or a refusal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Response, status

from chassis.auth import require
from chassis.concurrency import ExpectedVersion, IfMatch, OptionalIfMatch, set_etag
from chassis.paging import Page, PageDep
from chassis.types import Code, Id, Instant, Note, StrictModel, Text
from chassis.work import Work, WorkDep
from customer.api.conversion import ConvertLead, DealView, convert_once
from customer.api.fields import Email, Identity, Phone
from customer.api.guards import refuse_foreign_team, refuse_stale
from customer.domain import Lead, LeadProfile
from customer.store import LeadFilter, Leads
from events import EventData, uuid7
from events.types.customer import DisqualificationReason, LeadStatus

router = APIRouter(prefix="/v1/leads", tags=["leads"])


class LeadAttributes(StrictModel):
    """What may be said of a lead. `team` decides who sees it."""

    external_ref: Id | None = None
    name: Text | None = None
    email: Email | None = None
    phone: Phone | None = None
    channel: Code | None = None
    segment: Code | None = None
    sector: Code | None = None
    region: Code | None = None
    product: Code | None = None
    campaign_id: Id | None = None
    owner_id: Id | None = None
    team: Code | None = None


class NewLead(LeadAttributes):
    """`occurred_at` is the capture, if not now; it needs history:write."""

    occurred_at: Instant | None = None

    def profile(self) -> LeadProfile:
        return LeadProfile(**self.model_dump(exclude={"occurred_at"}))


class LeadPatch(LeadAttributes):
    """What is left out stays; null takes a value away. `occurred_at` needs history:write."""

    occurred_at: Instant | None = None

    def applied_to(self, profile: LeadProfile) -> LeadProfile:
        given = self.model_fields_set - {"occurred_at"}
        return replace(profile, **{name: getattr(self, name) for name in given})


class TakeStep(StrictModel):
    """`occurred_at` needs history:write; without it the step is taken now."""

    occurred_at: Instant | None = None


NOW = TakeStep()
"""A step needs no body when it is taken now."""


BY_ITSELF = ConvertLead()
"""Nor does a conversion that makes customer and contact of what the lead says."""


class DisqualifyLead(TakeStep):
    """The note stays with the lead; only the reason is told to others."""

    reason: DisqualificationReason
    note: Note | None = None


class LeadIdentity(Identity):
    status: LeadStatus


class LeadView(LeadAttributes, LeadIdentity):
    """A lead as it is now. Once converted it names its customer, contact and asked-for deal."""

    captured_at: Instant
    contacted_at: Instant | None
    qualified_at: Instant | None
    disqualified_at: Instant | None
    disqualified_reason: DisqualificationReason | None
    disqualified_note: str | None
    converted_at: Instant | None
    customer_id: Id | None
    contact_id: Id | None
    deal: DealView | None
    changed_at: Instant

    @classmethod
    def of(cls, lead: Lead) -> LeadView:
        made = lead.conversion
        return cls(
            **asdict(lead.profile),
            id=lead.id,
            version=lead.version,
            status=lead.status,
            captured_at=lead.captured_at,
            contacted_at=lead.contacted_at,
            qualified_at=lead.qualified_at,
            disqualified_at=lead.disqualified_at,
            disqualified_reason=lead.disqualified_reason,
            disqualified_note=lead.disqualified_note,
            converted_at=lead.converted_at,
            customer_id=made.customer_id if made else None,
            contact_id=made.contact_id if made else None,
            deal=DealView.of(made.deal) if made and made.deal else None,
            changed_at=lead.changed_at,
        )


@router.post("", status_code=status.HTTP_201_CREATED, dependencies=[require("leads:write")])
async def capture_lead(body: NewLead, work: WorkDep, response: Response) -> LeadView:
    """Capture a lead. An external_ref that is taken is a conflict naming `existing_id`."""
    refuse_foreign_team(work.actor, body.team)
    at = work.moment(body.occurred_at)
    lead, captured = Lead.capture(body.profile(), lead_id=uuid7(), at=at)
    await Leads(work).add(lead)
    await work.record(captured, sequence=lead.version, occurred_at=at)
    response.headers["Location"] = f"/v1/leads/{lead.id}"
    return _answer(lead, response)


@router.get("", dependencies=[require("leads:read")])
async def list_leads(
    wanted: Annotated[LeadFilter, Depends()], page: PageDep, work: WorkDep
) -> Page[LeadView]:
    """List leads, the newest first."""
    found = await Leads(work).find(wanted, after=page.after(str), limit=page.fetch)
    return page.page(found, view=LeadView.of, key=lambda lead: lead.id)


@router.get("/{lead_id}", dependencies=[require("leads:read")])
async def read_lead(lead_id: Id, work: WorkDep, response: Response) -> LeadView:
    return _answer(await Leads(work).get(lead_id), response)


@router.patch("/{lead_id}", dependencies=[require("leads:write")])
async def change_lead(
    lead_id: Id, body: LeadPatch, work: WorkDep, expected: IfMatch, response: Response
) -> LeadView:
    """Correct what is given, at any status; a change of nothing keeps the version."""

    def change(lead: Lead, at: datetime) -> tuple[Lead, EventData | None]:
        profile = body.applied_to(lead.profile)
        refuse_foreign_team(work.actor, profile.team)
        return lead.change(profile, at=at)

    at = body.occurred_at
    lead = await _apply(work, lead_id, expected=expected, occurred_at=at, act=change)
    return _answer(lead, response)


@router.post("/{lead_id}/contact", dependencies=[require("leads:write")])
async def contact_lead(
    lead_id: Id, work: WorkDep, expected: OptionalIfMatch, response: Response, body: TakeStep = NOW
) -> LeadView:
    """We reached the lead for the first time."""

    def contact(lead: Lead, at: datetime) -> tuple[Lead, EventData | None]:
        return lead.contact(at=at)

    at = body.occurred_at
    lead = await _apply(work, lead_id, expected=expected, occurred_at=at, act=contact)
    return _answer(lead, response)


@router.post("/{lead_id}/qualify", dependencies=[require("leads:write")])
async def qualify_lead(
    lead_id: Id, work: WorkDep, expected: OptionalIfMatch, response: Response, body: TakeStep = NOW
) -> LeadView:
    """The lead is worth a salesperson's time, whether or not we reached it before."""

    def qualify(lead: Lead, at: datetime) -> tuple[Lead, EventData | None]:
        return lead.qualify(at=at)

    at = body.occurred_at
    lead = await _apply(work, lead_id, expected=expected, occurred_at=at, act=qualify)
    return _answer(lead, response)


@router.post("/{lead_id}/disqualify", dependencies=[require("leads:write")])
async def disqualify_lead(
    lead_id: Id, body: DisqualifyLead, work: WorkDep, expected: OptionalIfMatch, response: Response
) -> LeadView:
    """The lead will not become a customer."""

    def disqualify(lead: Lead, at: datetime) -> tuple[Lead, EventData | None]:
        return lead.disqualify(reason=body.reason, note=body.note, at=at)

    at = body.occurred_at
    lead = await _apply(work, lead_id, expected=expected, occurred_at=at, act=disqualify)
    return _answer(lead, response)


@router.post(
    "/{lead_id}/convert", dependencies=[require("leads:write"), require("customers:write")]
)
async def convert_lead(
    lead_id: Id,
    work: WorkDep,
    expected: OptionalIfMatch,
    *,
    response: Response,
    body: ConvertLead = BY_ITSELF,
) -> LeadView:
    """Make the lead a customer with a contact, and ask for a deal if `deal` is given.

    Sent twice it answers the same, whatever If-Match says the second time.
    """
    lead = await Leads(work).lock(lead_id)
    if lead.conversion is None:
        await refuse_stale(work, expected, LeadView.of(lead))
    return _answer(await convert_once(work, lead, body), response)


async def _apply(
    work: Work,
    lead_id: str,
    *,
    expected: ExpectedVersion,
    occurred_at: datetime | None,
    act: Callable[[Lead, datetime], tuple[Lead, EventData | None]],
) -> Lead:
    store = Leads(work)
    lead = await store.lock(lead_id)
    await refuse_stale(work, expected, LeadView.of(lead))
    at = work.moment(occurred_at, not_before=lead.last_step_at)
    moved, event = act(lead, at)
    if event is not None:
        await store.save(lead, moved)
        await work.record(event, sequence=moved.version, occurred_at=at)
    return moved


def _answer(lead: Lead, response: Response) -> LeadView:
    set_etag(response, lead.version)
    return LeadView.of(lead)
