"""Cost entries in bulk."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from chassis.bulk import Accepted, RowResult
from chassis.errors import Refusal
from chassis.types import Code, Day, Id, Note
from chassis.work import Work
from events import Dimensions, uuid7
from events.types.ops import CostKind
from ops.api.costs import DIMENSIONS
from ops.api.fields import DimensionsBody, MoneyBody, own_team
from ops.api.imports.batch import Batch, digest_of
from ops.api.imports.referred import ReferredProjects
from ops.domain.change import Change
from ops.domain.cost import Cost
from ops.errors.shared import (
    ExternalRefTaken,
)
from ops.store.costs import Costs, row_of
from ops.store.rows import hold
from ops.tables import CostRow


class ImportedCost(DimensionsBody):
    """One row. The project is named by our `project_id`, or by `project_ref`, its external_ref."""

    external_ref: Id
    kind: CostKind
    amount: MoneyBody
    incurred_on: Day
    category: Code | None = None
    project_id: Id | None = None
    project_ref: Id | None = None
    process: Code | None = None
    campaign_id: Id | None = None
    note: Note | None = None


@dataclass(frozen=True, kw_only=True)
class _Scene:
    """What the rows of one batch are judged against."""

    work: Work
    today: date
    stored: dict[str, tuple[Cost, str | None]]
    projects: ReferredProjects


async def import_costs(
    work: Work, accepted: list[Accepted[ImportedCost]], *, today: date
) -> list[RowResult]:
    """Record what is new, correct what differs."""
    await hold(work, CostRow)
    rows = [one.row for one in accepted]
    scene = _Scene(
        work=work,
        today=today,
        stored=await Costs(work).by_refs([row.external_ref for row in rows]),
        projects=await ReferredProjects.of(work, rows),
    )
    batch = Batch(CostRow)
    for one in accepted:
        try:
            _take(batch, one.index, one.row, scene=scene)
        except Refusal as refusal:
            batch.refuse(one.index, refusal)
    await batch.write(work)
    return batch.results


def _take(batch: Batch, index: int, row: ImportedCost, *, scene: _Scene) -> None:
    digest = digest_of(row)
    known, imported = scene.stored.get(row.external_ref, (None, None))
    if known is not None and not scene.work.actor.sees(known.dimensions.team):
        raise ExternalRefTaken(row.external_ref)
    if known is not None and imported == digest:
        batch.unchanged(index, known.id)
        return
    details = _details(row, scene)
    now = scene.work.now()
    if known is None:
        cost, recorded = Cost.record(at=now, today=scene.today, id=uuid7(), **details)
        change = Change(before=None, after=cost, at=now, data=recorded)
        batch.take(index, row_of(cost), status="created", digest=digest, changes=[change])
        return
    at = max(now, known.changed_at)
    cost, corrected = known.correct(at=at, today=scene.today, **details)
    if corrected is None:
        batch.unchanged(index, known.id)
        return
    change = Change(before=known, after=cost, at=at, data=corrected)
    batch.take(index, row_of(cost), status="updated", digest=digest, changes=[change])


def _details(row: ImportedCost, scene: _Scene) -> dict[str, Any]:
    project = scene.projects.get(row)
    team = own_team(
        scene.work.actor, row.team, default=project.dimensions.team if project else None
    )
    dimensions = {name: getattr(row, name) for name in DIMENSIONS}
    return {
        "external_ref": row.external_ref,
        "kind": row.kind,
        "amount": row.amount.money(),
        "incurred_on": row.incurred_on,
        "category": row.category,
        "project_id": project.id if project else None,
        "process": row.process,
        "campaign_id": row.campaign_id,
        "note": row.note,
        "dimensions": Dimensions(**{**dimensions, "team": team}),
    }
