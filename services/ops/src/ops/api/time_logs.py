"""Time logs: enter, correct, take back, list."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field, field_validator

from chassis.auth import require
from chassis.concurrency import ExpectedVersion, IfMatch, OptionalIfMatch, set_etag
from chassis.paging import Page, PageDep
from chassis.types import Code, Day, Id, Note, Text
from chassis.work import Work, WorkDep
from events import uuid7
from ops.api.fields import Told, Versioned, Zone, day_of, own_team, refuse_stale
from ops.domain.change import Change
from ops.domain.time_log import MINUTES_OF_A_DAY, TimeLog
from ops.store.projects import Projects
from ops.store.time_logs import TimeLogFilter, TimeLogs

router = APIRouter(prefix="/v1/time-logs", tags=["time logs"])

Minutes = Annotated[int, Field(ge=1, le=MINUTES_OF_A_DAY)]


class LogTime(Told):
    """Time on a project or in a process. Left out, the team is the project's."""

    person_id: Id
    work_date: Day
    minutes: Minutes
    external_ref: Id | None = None
    team: Code | None = None
    project_id: Id | None = None
    process: Code | None = None
    note: Note | None = None


class CorrectTime(Told):
    """Only the fields that are sent change; null takes a value away."""

    person_id: Id | None = None
    work_date: Day | None = None
    minutes: Minutes | None = None
    team: Code | None = None
    project_id: Id | None = None
    process: Code | None = None
    note: Note | None = None

    @field_validator("person_id", "work_date", "minutes", mode="before")
    @classmethod
    def _refuse_null(cls, value: Any) -> Any:
        if value is None:
            raise ValueError("cannot be taken away; leave it out to keep it")
        return value


class TakeTimeBack(Told):
    reason: Text | None = None


class TimeLogQuery(BaseModel):
    """Filters of the list; those left out do not filter. The chassis refuses unknown ones."""

    person_id: Id | None = None
    project_id: Id | None = None
    team: Code | None = None
    process: Code | None = None
    external_ref: Id | None = None
    worked_from: Day | None = None
    worked_to: Day | None = None


class TimeLogView(Versioned):
    person_id: str
    work_date: date
    minutes: int
    external_ref: str | None
    team: str | None
    project_id: str | None
    process: str | None
    note: str | None
    changed_at: datetime
    taken_back_at: datetime | None

    @classmethod
    def of(cls, entry: TimeLog) -> TimeLogView:
        return cls(**{name: getattr(entry, name) for name in cls.model_fields})


@router.post("", status_code=201, dependencies=[require("projects:write")])
async def log_time(body: LogTime, work: WorkDep, zone: Zone, response: Response) -> TimeLogView:
    """Enter working time of a person on a day; a day has 1440 minutes, also in sum."""
    at = work.moment(body.occurred_at)
    entry, logged = TimeLog.log(
        at=at,
        today=day_of(work.now(), zone),
        id=uuid7(),
        person_id=body.person_id,
        work_date=body.work_date,
        minutes=body.minutes,
        external_ref=body.external_ref,
        team=own_team(work.actor, body.team, default=await Projects(work).team_of(body.project_id)),
        project_id=body.project_id,
        process=body.process,
        note=body.note,
    )
    await TimeLogs(work).add(Change(before=None, after=entry, at=at, data=logged))
    response.headers["Location"] = f"/v1/time-logs/{entry.id}"
    set_etag(response, entry.version)
    return TimeLogView.of(entry)


@router.get("", dependencies=[require("projects:read")])
async def list_time_logs(
    page: PageDep, work: WorkDep, wanted: Annotated[TimeLogQuery, Query()]
) -> Page[TimeLogView]:
    """Logs of your teams, the latest worked first. `worked_to` is excluded."""
    found = await TimeLogs(work).list(
        TimeLogFilter(**wanted.model_dump()), before=page.after(tuple[date, str]), limit=page.fetch
    )
    return page.page(found, view=TimeLogView.of, key=lambda entry: (entry.work_date, entry.id))


@router.get("/{log_id}", dependencies=[require("projects:read")])
async def read_time_log(log_id: Id, work: WorkDep, response: Response) -> TimeLogView:
    entry = await TimeLogs(work).get(log_id)
    set_etag(response, entry.version)
    return TimeLogView.of(entry)


@router.patch("/{log_id}", dependencies=[require("projects:write")])
async def correct_time(
    log_id: Id, body: CorrectTime, work: WorkDep, expected: IfMatch, zone: Zone, response: Response
) -> TimeLogView:
    """Correct a log; the corrected one replaces it in every KPI."""
    entry = await _locked(work, log_id, expected)
    at = work.moment(body.occurred_at, not_before=entry.changed_at)
    changes = {name: getattr(body, name) for name in body.model_fields_set - {"occurred_at"}}
    await Projects(work).team_of(body.project_id)
    if "team" in changes and body.team != entry.team:
        changes["team"] = own_team(work.actor, body.team)
    corrected, logged = entry.correct(at=at, today=day_of(work.now(), zone), **changes)
    if logged is not None:
        await TimeLogs(work).save(Change(before=entry, after=corrected, at=at, data=logged))
    set_etag(response, corrected.version)
    return TimeLogView.of(corrected)


@router.post("/{log_id}/take-back", dependencies=[require("projects:write")])
async def take_time_back(
    log_id: Id,
    work: WorkDep,
    expected: OptionalIfMatch,
    response: Response,
    body: TakeTimeBack | None = None,
) -> TimeLogView:
    """It was not worked after all: it counts nowhere."""
    told = body or TakeTimeBack()
    entry = await _locked(work, log_id, expected)
    at = work.moment(told.occurred_at, not_before=entry.changed_at)
    gone, event = entry.take_back(at=at)
    await TimeLogs(work).save(Change(before=entry, after=gone, at=at, data=event, note=told.reason))
    set_etag(response, gone.version)
    return TimeLogView.of(gone)


async def _locked(work: Work, log_id: str, expected: ExpectedVersion) -> TimeLog:
    entry = await TimeLogs(work).get(log_id, lock=True)
    await refuse_stale(
        work, expected, subject_id=entry.id, actual=entry.version, current=TimeLogView.of(entry)
    )
    return entry
