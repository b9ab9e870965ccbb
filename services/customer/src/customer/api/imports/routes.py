"""The import routes: up to 500 rows, an answer for each of them."""

from __future__ import annotations

from fastapi import APIRouter

from chassis.auth import require
from chassis.bulk import ImportBody, ImportResult, RowResult, answer, sort_rows
from chassis.work import WorkDep
from customer.api.imports.customers import ImportedCustomer, import_customers
from customer.api.imports.leads import ImportedLead, import_leads
from customer.api.imports.repeats import answer_repeats

router = APIRouter(tags=["imports"])


@router.post("/v1/customers/import", dependencies=[require("customers:write")])
async def import_customer_rows(body: ImportBody, work: WorkDep) -> ImportResult:
    """Import customers. Sent again, the same rows are unchanged; good rows are kept."""
    if body.dry_run:
        work.discard()
    rows = sort_rows(body, ImportedCustomer, identity=lambda row: row.external_ref)
    return _answer(body, rows.rejected + await import_customers(work, rows.accepted))


@router.post("/v1/leads/import", dependencies=[require("leads:write"), require("customers:write")])
async def import_lead_rows(body: ImportBody, work: WorkDep) -> ImportResult:
    """Import leads with their lives so far. Sent again, the same rows are unchanged."""
    if body.dry_run:
        work.discard()
    rows = sort_rows(body, ImportedLead, identity=lambda row: row.external_ref)
    return _answer(body, rows.rejected + await import_leads(work, rows.accepted))


def _answer(body: ImportBody, results: list[RowResult]) -> ImportResult:
    if body.dry_run:
        # What would be created has no id yet.
        results = [
            one.model_copy(update={"id": None}) if one.status == "created" else one
            for one in results
        ]
    return answer_repeats(body, answer(results))
