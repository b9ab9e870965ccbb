"""`POST /v1/deals/import`: up to 500 deals in a handful of statements and one transaction.

Invariant: the rules of single commands hold for every row, the same row again
changes nothing, and a bad row is rejected alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from fastapi import APIRouter

from chassis.auth import Actor, require
from chassis.bulk import Accepted, ImportBody, ImportResult, RowResult, answer, reject, sort_rows
from chassis.errors import Refusal
from chassis.work import WorkDep
from events import Connection, uuid7
from pipeline.api.command import keep_all
from pipeline.api.deal_rows import DealRow, resolved, wanted_by
from pipeline.api.fields import PricingDep
from pipeline.api.naming import Directory
from pipeline.api.scope import refuse_foreign_team
from pipeline.domain.deal import Deal
from pipeline.domain.imported import begin_deal, bring_up_to, check_row
from pipeline.domain.occasion import Occasion
from pipeline.domain.pricing import Pricing
from pipeline.domain.revision import Revision
from pipeline.errors import (
    ExternalRefTaken,
    FieldMismatch,
    HistoryNotAllowed,
    LeadHasDealAlready,
)
from pipeline.store import deals
from pipeline.store.references import look_up

router = APIRouter(prefix="/v1/deals", tags=["deals"])


@router.post("/import", dependencies=[require("deals:write")])
async def import_deals(body: ImportBody, work: WorkDep, pricing: PricingDep) -> ImportResult:
    """Take deals as another system knew them, open or closed, each at its own dates.

    A new deal may begin directly in its stage: how it came there is not known.
    `created_at` and `closed_at` need history:write. A row that names a customer
    or lead whose registration is still on its way is rejected as retryable.
    """
    rows = sort_rows(body, DealRow, identity=lambda row: row.external_ref)
    connection = await work.driver()
    batch = await _prepare(connection, rows.accepted, work=work, pricing=pricing)
    results = [batch.take(accepted) for accepted in rows.accepted]
    if body.dry_run:
        work.discard()
    await keep_all(work, batch.revisions)
    return answer(rows.rejected, results)


@dataclass
class _Batch:
    """The rows of one request against the deals that there are."""

    actor: Actor
    writes_history: bool
    on: Occasion
    pricing: Pricing
    directory: Directory
    existing: dict[str, Deal]
    taken_leads: set[str]
    revisions: list[Revision] = field(default_factory=list)

    def take(self, accepted: Accepted[DealRow]) -> RowResult:
        """What becomes of a row; its revisions are kept for the write."""
        row = accepted.row
        deal = self.existing.get(row.external_ref)
        try:
            made = self._begin(row) if deal is None else self._update(row, deal)
        except Refusal as refusal:
            return reject(accepted.index, refusal)
        self.revisions += made
        if deal is None:
            return RowResult(index=accepted.index, status="created", id=made[0].after.id)
        return RowResult(
            index=accepted.index, status="updated" if made else "unchanged", id=deal.id
        )

    def _begin(self, row: DealRow) -> list[Revision]:
        self._check_history(row)
        imported, pipeline = resolved(row, self.directory, pricing=self.pricing, now=self.on.at)
        check_row(imported, pipeline=pipeline, now=self.on.at)
        refuse_foreign_team(self.actor, imported.opening.team)
        if row.lead_id is not None and row.lead_id in self.taken_leads:
            raise LeadHasDealAlready(row.lead_id)
        made = begin_deal(imported, uuid7(), pipeline=pipeline, on=self.on)
        if row.lead_id is not None:
            self.taken_leads.add(row.lead_id)
        return made

    def _update(self, row: DealRow, deal: Deal) -> list[Revision]:
        if not self.actor.sees(deal.team):
            raise ExternalRefTaken(row.external_ref)
        if row.fingerprint == deal.imported_as:
            return []
        self._check_history(row)
        imported, pipeline = resolved(row, self.directory, pricing=self.pricing, now=self.on.at)
        check_row(imported, pipeline=pipeline, now=self.on.at)
        refuse_foreign_team(self.actor, imported.said.team)
        _must_stay(row, deal)
        on = replace(self.on, at=max(self.on.at, deal.changed_at))
        return bring_up_to(imported, deal, pipeline=pipeline, on=on)

    def _check_history(self, row: DealRow) -> None:
        for name in ("created_at", "closed_at"):
            if getattr(row, name) is not None and not self.writes_history:
                raise HistoryNotAllowed(name)


async def _prepare(
    connection: Connection,
    accepted: Sequence[Accepted[DealRow]],
    *,
    work: WorkDep,
    pricing: Pricing,
) -> _Batch:
    rows = [one.row for one in accepted]
    await deals.open_one_at_a_time(connection)
    existing = await deals.take_imported(connection, (row.external_ref for row in rows))
    known = await look_up(connection, wanted_by(rows, existing.values()))
    leads = [row.lead_id for row in rows if row.lead_id is not None]
    taken = await deals.leads_with_deals(connection, leads) if leads else set()
    return _Batch(
        actor=work.actor,
        writes_history=work.actor.may("history:write"),
        on=Occasion(at=work.now(), by=work.actor.id, around=known.around),
        pricing=pricing,
        directory=Directory(known),
        existing=existing,
        taken_leads=taken,
    )


def _must_stay(row: DealRow, deal: Deal) -> None:
    """What a deal was opened with and cannot be changed."""
    if row.pipeline != deal.pipeline:
        raise FieldMismatch(
            "pipeline",
            f"the deal is in the pipeline {deal.pipeline}",
            hint="leave it in its pipeline",
        )
    lead_id = None if deal.lead is None else deal.lead.lead_id
    if row.lead_id not in (None, lead_id):
        raise FieldMismatch(
            "lead_id", "the deal did not come from this lead", hint="leave lead_id as it was"
        )
