"""Import of leads: each row tells the whole life of a lead so far, with its dates.

A row is known by its external_ref. Sent again, a step that is known changes
nothing, a step that is new is taken, and a step with another date is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from chassis.bulk import Accepted, RowResult, reject
from chassis.errors import Refusal
from chassis.types import Id, Instant, Note
from chassis.work import Work
from customer.api.conversion import ConvertedCustomer, ConvertLead, DealBody
from customer.api.guards import refuse_foreign_team
from customer.api.imports.conversions import Conversions
from customer.api.imports.outcome import Outcome, moment_of, unless_overtaken, write
from customer.api.leads import LeadAttributes
from customer.domain import Lead, LeadProfile
from customer.errors import (
    ContradictsItself,
    ExternalRefTaken,
    KnownOtherwise,
    OccurredBeforeLastChange,
)
from customer.store import Leads
from events import EventData, uuid7
from events.types.customer import DisqualificationReason

_NOT_PROFILE = frozenset(
    {
        "captured_at",
        "contacted_at",
        "qualified_at",
        "disqualified_at",
        "disqualified_reason",
        "disqualified_note",
        "converted_at",
        "customer_id",
        "customer",
        "deal",
    }
)

Step = Callable[[Lead, datetime], tuple[Lead, EventData]]


class ImportedLead(LeadAttributes):
    """A lead of another system. A field that is left out keeps what is known.

    A converted one names its customer by `customer_id`, or by `customer` (taken
    by its external_ref if that is known, else made), or gets one of its own name.
    """

    external_ref: Id
    captured_at: Instant | None = None
    contacted_at: Instant | None = None
    qualified_at: Instant | None = None
    disqualified_at: Instant | None = None
    disqualified_reason: DisqualificationReason | None = None
    disqualified_note: Note | None = None
    converted_at: Instant | None = None
    customer_id: Id | None = None
    customer: ConvertedCustomer | None = None
    deal: DealBody | None = None

    def applied_to(self, profile: LeadProfile) -> LeadProfile:
        given = self.model_fields_set - _NOT_PROFILE
        return replace(profile, **{name: getattr(self, name) for name in given})

    @property
    def conversion(self) -> ConvertLead:
        return ConvertLead.model_construct(
            {"customer_id", "customer", "deal"},
            customer_id=self.customer_id,
            customer=self.customer,
            deal=self.deal,
        )

    def refuse_contradiction(self) -> None:
        """Raise ContradictsItself when its fields cannot all be right."""
        if self.disqualified_at and self.converted_at:
            raise ContradictsItself(
                "a lead is converted or disqualified, not both",
                field="disqualified_at",
                hint="leave one of disqualified_at and converted_at out",
            )
        if bool(self.disqualified_at) != bool(self.disqualified_reason):
            raise ContradictsItself(
                "disqualified_at and disqualified_reason belong together",
                field="disqualified_reason",
                hint="give both or none",
            )
        if self.converted_at is None and (self.customer_id or self.customer or self.deal):
            raise ContradictsItself(
                "a customer or a deal comes from a conversion, and there is none",
                field="converted_at",
                hint="say when the lead was converted, or leave customer and deal out",
            )
        self.conversion.refuse_two_customers()


async def import_leads(work: Work, rows: Sequence[Accepted[ImportedLead]]) -> list[RowResult]:
    """Create, move on or leave each row's lead; answers every row."""

    async def attempt() -> list[RowResult]:
        store = Leads(work)
        known = await store.by_refs((one.row.external_ref for one in rows), lock=True)
        conversions = await Conversions.load(work, [one.row.conversion for one in rows])
        outcomes: list[Outcome[Lead]] = []
        rejected: list[RowResult] = []
        for one in rows:
            try:
                before = known.get(one.row.external_ref)
                outcomes.append(_Plan(work, conversions, one.row).outcome(one.index, before))
            except Refusal as refusal:
                rejected.append(reject(one.index, refusal))
        # Leads refer to their customers, so these are written first.
        await conversions.write()
        await write(store, outcomes)
        await work.record_all(conversions.happened)
        await work.record_all(told for one in outcomes for told in one.happened)
        return rejected + [one.result for one in outcomes]

    return await unless_overtaken(work, attempt)


class _Plan:
    """What one row does to its lead: the steps in their order, then its details."""

    def __init__(self, work: Work, conversions: Conversions, row: ImportedLead) -> None:
        self._work = work
        self._conversions = conversions
        self._row = row

    def outcome(self, index: int, before: Lead | None) -> Outcome[Lead]:
        row = self._row
        row.refuse_contradiction()
        refuse_foreign_team(self._work.actor, row.team)
        outcome = self._captured(index, before)
        self._take(outcome, "contacted_at", lambda lead, at: lead.contact(at=at))
        self._take(outcome, "qualified_at", lambda lead, at: lead.qualify(at=at))
        self._take(outcome, "disqualified_at", self._disqualify)
        # Corrected before it is converted: its customer is made from the corrected details.
        now = self._work.now()
        outcome.apply(outcome.after.change(row.applied_to(outcome.after.profile), at=now), at=now)
        self._take(outcome, "converted_at", self._convert)
        self._refuse_other_end(outcome.after)
        return outcome

    def _captured(self, index: int, before: Lead | None) -> Outcome[Lead]:
        row = self._row
        if before is None:
            at = moment_of(self._work, row.captured_at, field_name="captured_at")
            profile = row.applied_to(LeadProfile())
            lead, captured = Lead.capture(profile, lead_id=uuid7(), at=at)
            return Outcome(index, None, lead, [(captured, lead.version, at)])
        if not self._work.actor.sees(before.team):
            raise ExternalRefTaken(row.external_ref, existing_id=None)
        if row.captured_at not in (None, before.captured_at):
            raise KnownOtherwise("captured_at", before.captured_at.isoformat())
        return Outcome(index, before, before)

    def _take(self, outcome: Outcome[Lead], field: str, step: Step) -> None:
        given: datetime | None = getattr(self._row, field)
        known: datetime | None = getattr(outcome.after, field)
        if given is None or given == known:
            return
        if known is not None:
            raise KnownOtherwise(field, known.isoformat())
        at = moment_of(self._work, given, field_name=field)
        try:
            outcome.apply(step(outcome.after, at), at=at)
        except OccurredBeforeLastChange as error:
            raise OccurredBeforeLastChange(error.last, field=field) from None

    def _disqualify(self, lead: Lead, at: datetime) -> tuple[Lead, EventData]:
        row = self._row
        assert row.disqualified_reason is not None  # refuse_contradiction has looked
        return lead.disqualify(reason=row.disqualified_reason, note=row.disqualified_note, at=at)

    def _convert(self, lead: Lead, at: datetime) -> tuple[Lead, EventData]:
        return self._conversions.convert(lead, self._row.conversion, at=at)

    def _refuse_other_end(self, lead: Lead) -> None:
        for field in ("disqualified_reason", "disqualified_note"):
            told, known = getattr(self._row, field), getattr(lead, field)
            if told is not None and told != known:
                raise KnownOtherwise(field, f"{known!r}")
        self._conversions.refuse_other(lead, self._row.conversion)
