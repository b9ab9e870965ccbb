"""POST /v1/<collection>/import, 500 rows at most; identity of a row is its external_ref."""

from __future__ import annotations

from fastapi import APIRouter

from chassis.auth import require
from chassis.bulk import ImportBody, ImportResult, answer, sort_rows
from chassis.work import WorkDep
from ops.api.fields import Zone, day_of
from ops.api.imports.costs import ImportedCost, import_costs
from ops.api.imports.project_rows import ImportedProject
from ops.api.imports.projects import import_projects
from ops.api.imports.time_logs import ImportedTime, import_time_logs

router = APIRouter(prefix="/v1", tags=["imports"])


@router.post("/projects/import", dependencies=[require("projects:write")])
async def import_projects_route(body: ImportBody, work: WorkDep, zone: Zone) -> ImportResult:
    """Projects with tasks, baseline and history. The same again changes nothing."""
    rows = sort_rows(body, ImportedProject, identity=lambda row: row.external_ref)
    if body.dry_run:
        work.discard()
    done = await import_projects(work, rows.accepted, day_of=lambda at: day_of(at, zone))
    return answer(rows.rejected, done)


@router.post("/costs/import", dependencies=[require("costs:write")])
async def import_costs_route(body: ImportBody, work: WorkDep, zone: Zone) -> ImportResult:
    """Cost entries. The same again changes nothing; other content corrects the entry."""
    rows = sort_rows(body, ImportedCost, identity=lambda row: row.external_ref)
    if body.dry_run:
        work.discard()
    done = await import_costs(work, rows.accepted, today=day_of(work.now(), zone))
    return answer(rows.rejected, done)


@router.post("/time-logs/import", dependencies=[require("projects:write")])
async def import_time_logs_route(body: ImportBody, work: WorkDep, zone: Zone) -> ImportResult:
    """Time logs. The same again changes nothing; other content corrects the log."""
    rows = sort_rows(body, ImportedTime, identity=lambda row: row.external_ref)
    if body.dry_run:
        work.discard()
    done = await import_time_logs(work, rows.accepted, today=day_of(work.now(), zone))
    return answer(rows.rejected, done)
