"""Projects in bulk, with their tasks and histories."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chassis.bulk import Accepted, RowResult
from chassis.errors import Refusal
from chassis.work import Work
from events import Dimensions, uuid7
from ops.api.fields import own_team
from ops.api.imports.batch import Batch, digest_of
from ops.api.imports.project_rows import ImportedProject, history_of, instants_of
from ops.domain.history import DayOf, Told, continue_telling, tell
from ops.domain.project import Project
from ops.domain.schedule import Schedule
from ops.errors.shared import (
    CustomerNotKnownYet,
    ExternalRefTaken,
)
from ops.store.customers import known_customers, placed
from ops.store.projects import Projects, row_of
from ops.store.rows import hold
from ops.store.tasks import Replanned, Tasks
from ops.tables import CustomerRow, ProjectRow


@dataclass(frozen=True, kw_only=True)
class _Scene:
    """What the rows of one batch are judged against."""

    work: Work
    now: datetime
    day_of: DayOf
    stored: dict[str, tuple[Project, str | None]]
    schedules: dict[str, Schedule]
    customers: dict[str, CustomerRow]


async def import_projects(
    work: Work, accepted: list[Accepted[ImportedProject]], *, day_of: DayOf
) -> list[RowResult]:
    """Tell what is new of each project; what was told before stays as it is."""
    await hold(work, ProjectRow)
    rows = [one.row for one in accepted]
    stored = await Projects(work).by_refs([row.external_ref for row in rows])
    scene = _Scene(
        work=work,
        now=work.now(),
        day_of=day_of,
        stored=stored,
        schedules=await Tasks(work).of_all([project for project, _ in stored.values()]),
        customers=await known_customers(work, {row.customer_id for row in rows if row.customer_id}),
    )
    batch = Batch(ProjectRow)
    replanned: list[Replanned] = []
    for one in accepted:
        try:
            _take(batch, one.index, one.row, scene=scene, replanned=replanned)
        except Refusal as refusal:
            batch.refuse(one.index, refusal)
    await batch.write(work)
    await Tasks(work).save(*replanned)
    return batch.results


def _take(
    batch: Batch, index: int, row: ImportedProject, *, scene: _Scene, replanned: list[Replanned]
) -> None:
    digest = digest_of(row)
    known, imported = scene.stored.get(row.external_ref, (None, None))
    if known is not None and not scene.work.actor.sees(known.dimensions.team):
        raise ExternalRefTaken(row.external_ref)
    if known is not None and imported == digest:
        batch.unchanged(index, known.id)
        return
    before = scene.schedules[known.id] if known else Schedule()
    told = _told(row, known, before, scene=scene)
    if not told.changes and told.schedule == before:
        batch.unchanged(index, told.project.id)
        return
    batch.take(
        index,
        row_of(told.project),
        status="updated" if known else "created",
        digest=digest,
        changes=told.changes,
    )
    replanned.append(
        Replanned(
            project=told.project, before=before, after=told.schedule, at=told.project.changed_at
        )
    )


def _told(row: ImportedProject, known: Project | None, before: Schedule, *, scene: _Scene) -> Told:
    if any(True for _ in instants_of(row)):
        scene.work.actor.demand("history:write")
    history = history_of(row, dimensions=_dimensions(row, scene), known=before, now=scene.now)
    if known is None:
        return tell(history, project_id=uuid7(), day_of=scene.day_of)
    stored = Told(project=known, schedule=before)
    return continue_telling(history, stored, now=scene.now, day_of=scene.day_of)


def _dimensions(row: ImportedProject, scene: _Scene) -> Dimensions:
    dimensions = Dimensions(
        team=own_team(scene.work.actor, row.team), region=row.region, product=row.product
    )
    if row.customer_id is None:
        return dimensions
    if row.customer_id not in scene.customers:
        raise CustomerNotKnownYet(row.customer_id)
    return placed(dimensions, scene.customers[row.customer_id])
