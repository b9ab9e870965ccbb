"""Time logs in bulk."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from chassis.bulk import Accepted, RowResult
from chassis.errors import Refusal
from chassis.types import Code, Day, Id, Note, StrictModel
from chassis.work import Work
from events import uuid7
from ops.api.fields import own_team
from ops.api.imports.batch import Batch, digest_of
from ops.api.imports.referred import ReferredProjects
from ops.api.time_logs import Minutes
from ops.domain.change import Change
from ops.domain.time_log import TimeLog
from ops.errors.shared import (
    ExternalRefTaken,
)
from ops.store.rows import hold
from ops.store.time_logs import PersonDay, TimeLogs, refuse_overfull, row_of
from ops.tables import TimeLogRow


class ImportedTime(StrictModel):
    """One row. The project is named by our `project_id`, or by `project_ref`, its external_ref."""

    external_ref: Id
    person_id: Id
    work_date: Day
    minutes: Minutes
    team: Code | None = None
    project_id: Id | None = None
    project_ref: Id | None = None
    process: Code | None = None
    note: Note | None = None


@dataclass(frozen=True, kw_only=True)
class _Scene:
    """What the rows of one batch are judged against; `totals` grow as rows are taken."""

    work: Work
    today: date
    stored: dict[str, tuple[TimeLog, str | None]]
    projects: ReferredProjects
    totals: dict[PersonDay, int]


async def import_time_logs(
    work: Work, accepted: list[Accepted[ImportedTime]], *, today: date
) -> list[RowResult]:
    """Enter what is new, correct what differs."""
    await hold(work, TimeLogRow)
    rows = [one.row for one in accepted]
    logs = TimeLogs(work)
    scene = _Scene(
        work=work,
        today=today,
        stored=await logs.by_refs([row.external_ref for row in rows]),
        projects=await ReferredProjects.of(work, rows),
        totals=await logs.minutes_of({(row.person_id, row.work_date) for row in rows}),
    )
    batch = Batch(TimeLogRow)
    for one in accepted:
        try:
            _take(batch, one.index, one.row, scene=scene)
        except Refusal as refusal:
            batch.refuse(one.index, refusal)
    await batch.write(work)
    return batch.results


def _take(batch: Batch, index: int, row: ImportedTime, *, scene: _Scene) -> None:
    digest = digest_of(row)
    known, imported = scene.stored.get(row.external_ref, (None, None))
    if known is not None and not scene.work.actor.sees(known.team):
        raise ExternalRefTaken(row.external_ref)
    if known is not None and imported == digest:
        batch.unchanged(index, known.id)
        return
    details = _details(row, scene)
    now = scene.work.now()
    if known is None:
        entry, logged = TimeLog.log(at=now, today=scene.today, id=uuid7(), **details)
        refuse_overfull(scene.totals, None, entry)
        change = Change(before=None, after=entry, at=now, data=logged)
        batch.take(index, row_of(entry), status="created", digest=digest, changes=[change])
        return
    at = max(now, known.changed_at)
    entry, corrected = known.correct(at=at, today=scene.today, **details)
    if corrected is None:
        batch.unchanged(index, known.id)
        return
    refuse_overfull(scene.totals, known, entry)
    change = Change(before=known, after=entry, at=at, data=corrected)
    batch.take(index, row_of(entry), status="updated", digest=digest, changes=[change])


def _details(row: ImportedTime, scene: _Scene) -> dict[str, Any]:
    project = scene.projects.get(row)
    default = project.dimensions.team if project else None
    return {
        "external_ref": row.external_ref,
        "person_id": row.person_id,
        "work_date": row.work_date,
        "minutes": row.minutes,
        "team": own_team(scene.work.actor, row.team, default=default),
        "project_id": project.id if project else None,
        "process": row.process,
        "note": row.note,
    }
