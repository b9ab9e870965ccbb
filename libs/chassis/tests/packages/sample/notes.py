"""Notes: rows, views and routes of the sample service."""

import asyncio
from collections.abc import AsyncIterable
from datetime import datetime
from typing import Annotated, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from sqlmodel import Field, SQLModel, col, select

from chassis.auth import require
from chassis.bulk import Accepted, ImportBody, ImportResult, RowResult, answer, sort_rows
from chassis.concurrency import IfMatch, set_etag
from chassis.errors import NotFound
from chassis.paging import Page, PageDep
from chassis.resources import ResourcesDep
from chassis.types import Code, Day, Id, Instant, MinorAmount, StrictModel, Text
from chassis.work import Work, WorkDep
from events.types.ops import CostVoided

router = APIRouter(prefix="/v1/notes", tags=["notes"])


class NoteNotFound(NotFound):
    title = "note not found"

    def __init__(self, note_id: str) -> None:
        super().__init__("there is no such note", hint="list /v1/notes")
        self.note_id = note_id


_VERSION = sa.Column("version", sa.Integer, nullable=False)


class NoteRow(SQLModel, table=True):
    __tablename__ = "notes"
    __mapper_args__ = {"version_id_col": _VERSION}

    id: str = Field(primary_key=True)
    team: str | None = None
    title: str
    amount_minor: int = Field(sa_type=sa.BigInteger)
    parent_id: str | None = None
    version: int = Field(default=1, sa_column=_VERSION)
    changed_at: datetime = Field(sa_column=sa.Column(sa.DateTime(timezone=True), nullable=False))


class NewNote(StrictModel):
    id: Id
    title: Text
    amount_minor: MinorAmount = 0
    team: Code | None = None
    parent_id: Id | None = None
    due_on: Day | None = None
    kind: Literal["plain", "urgent"] = "plain"
    tags: list[Code] = []
    occurred_at: Instant | None = None


class NotePatch(StrictModel):
    title: Text
    occurred_at: Instant | None = None


class NoteView(StrictModel):
    id: Id
    version: int
    title: str
    amount_minor: int
    changed_at: datetime

    @classmethod
    def of(cls, row: NoteRow) -> "NoteView":
        return cls(**{name: getattr(row, name) for name in cls.model_fields})


class ImportedNote(StrictModel):
    external_ref: Id
    title: Text
    amount_minor: MinorAmount = 0


@router.post("", status_code=201, dependencies=[require("deals:write")])
async def write_note(body: NewNote, work: WorkDep, response: Response) -> NoteView:
    at = work.moment(body.occurred_at)
    kept = body.model_dump(include={"id", "title", "amount_minor", "team", "parent_id"})
    row = NoteRow(**kept, changed_at=at)
    work.session.add(row)
    await _record(work, row, at=at)
    set_etag(response, row.version or 1)
    await work.session.flush()
    return NoteView.of(row)


@router.get("", dependencies=[require("deals:read")])
async def list_notes(page: PageDep, work: WorkDep, team: Code | None = None) -> Page[NoteView]:
    query = select(NoteRow).order_by(col(NoteRow.changed_at), col(NoteRow.id)).limit(page.fetch)
    after = page.after(tuple[datetime, str])
    if after is not None:
        query = query.where(sa.tuple_(col(NoteRow.changed_at), col(NoteRow.id)) > after)
    if team is not None:
        query = query.where(NoteRow.team == team)
    rows = (await work.session.exec(query)).all()
    return page.page(rows, view=NoteView.of, key=lambda row: (row.changed_at, row.id))


@router.get("/stream", dependencies=[require("deals:read")], response_class=EventSourceResponse)
async def stream(resources: ResourcesDep) -> AsyncIterable[ServerSentEvent]:
    yield ServerSentEvent(data="hello")
    await resources.stopping.wait()


@router.get("/stubborn", dependencies=[require("deals:read")], response_class=EventSourceResponse)
async def stubborn_stream() -> AsyncIterable[ServerSentEvent]:
    yield ServerSentEvent(data="hello")
    await asyncio.sleep(3600)


@router.get("/broken", dependencies=[require("deals:read")])
async def broken() -> NoteView:
    raise RuntimeError("secret of the house\nDETAIL: Key (email)=(somebody@example.com)")


@router.get("/{note_id}", dependencies=[require("deals:read")])
async def read_note(note_id: Id, work: WorkDep, response: Response) -> NoteView:
    row = await _visible(work, note_id)
    set_etag(response, row.version)
    return NoteView.of(row)


@router.patch("/{note_id}", dependencies=[require("deals:write")])
async def change_note(
    note_id: Id, body: NotePatch, work: WorkDep, expected: IfMatch, response: Response
) -> NoteView:
    row = await _visible(work, note_id)
    expected.check(row.version, current=NoteView.of(row), changed=["title"])
    at = work.moment(body.occurred_at, not_before=row.changed_at)
    row.title = body.title
    row.changed_at = at
    await work.session.flush()
    await _record(work, row, at=at)
    set_etag(response, row.version)
    return NoteView.of(row)


@router.post("/import", dependencies=[require("deals:write")])
async def import_notes(body: ImportBody, work: WorkDep) -> ImportResult:
    rows = sort_rows(body, ImportedNote, identity=lambda row: row.external_ref)
    if body.dry_run:
        work.discard()
    results = await _insert(work, rows.accepted)
    return answer(rows.rejected, results)


@router.get("/typed/query", dependencies=[require("deals:read")])
async def typed_query(
    at: Instant | None = None,
    on: Day | None = None,
    amount: MinorAmount | None = None,
    kind: Annotated[Literal["a", "b"] | None, "a kind"] = None,
) -> dict[str, str]:
    return {"at": str(at), "on": str(on), "amount": str(amount), "kind": str(kind)}


async def _insert(work: Work, accepted: list[Accepted[ImportedNote]]) -> list[RowResult]:
    driver = await work.driver()
    await driver.executemany(
        "INSERT INTO notes (id, title, amount_minor, version, changed_at)"
        " VALUES ($1, $2, $3, 1, $4)",
        [
            (one.row.external_ref, one.row.title, one.row.amount_minor, work.now())
            for one in accepted
        ],
    )
    await work.record_all((CostVoided(cost_id=one.row.external_ref), 1, None) for one in accepted)
    return [
        RowResult(index=one.index, status="created", id=one.row.external_ref) for one in accepted
    ]


async def _visible(work: Work, note_id: str) -> NoteRow:
    row = await work.session.get(NoteRow, note_id)
    if row is None or not work.actor.sees(row.team):
        raise NoteNotFound(note_id)
    return row


async def _record(work: Work, row: NoteRow, *, at: datetime) -> None:
    # Any event of one aggregate does; the chassis does not care which.
    happened = CostVoided(cost_id=row.id)
    await work.record(happened, sequence=row.version or 1, occurred_at=at)
