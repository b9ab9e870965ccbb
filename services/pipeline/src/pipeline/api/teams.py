"""Teams: who sells together, and in which region. Reference data, visible to all teams."""

from __future__ import annotations

from fastapi import APIRouter, Response

from chassis.auth import require
from chassis.bulk import ImportBody, ImportResult, answer, sort_rows
from chassis.concurrency import IfMatch, set_etag
from chassis.paging import Page, PageDep
from chassis.types import Code, StrictModel, Text
from chassis.work import WorkDep
from events.types.pipeline import TeamChanged
from pipeline.api.catalogue import put_rows, said
from pipeline.errors import AlreadyExists, TeamNotFound
from pipeline.store import catalogue
from pipeline.tables import TeamRow

router = APIRouter(prefix="/v1/teams", tags=["teams"])


class TeamBody(StrictModel):
    """A team. Its code travels in events, so let it not be a person's name."""

    code: Code
    name: Text
    region: Code | None = None


class TeamPatch(StrictModel):
    """What is left out stays. A new region counts from now on, not for the past; figures with
    `view=current` show the past by it, too.
    """

    name: Text = ""
    region: Code | None = None


class TeamView(StrictModel):
    """A team; `id` is its code."""

    id: str
    version: int
    code: str
    name: str
    region: str | None

    @classmethod
    def of(cls, row: TeamRow) -> TeamView:
        return cls(
            id=row.code, version=row.version, code=row.code, name=row.name, region=row.region
        )


@router.get("", dependencies=[require("catalogue:read")])
async def list_teams(page: PageDep, work: WorkDep) -> Page[TeamView]:
    """All teams, by code."""
    rows = await catalogue.page_of(
        work.session, TeamRow, TeamRow.code, after=page.after(str), limit=page.fetch
    )
    return page.page(rows, view=TeamView.of, key=lambda row: row.code)


@router.post("", status_code=201, dependencies=[require("catalogue:write")])
async def create_team(body: TeamBody, work: WorkDep, response: Response) -> TeamView:
    """Add a team."""
    if await catalogue.find(work.session, TeamRow, body.code):
        raise AlreadyExists("team", body.code)
    row = TeamRow(version=1, **body.model_dump())
    work.session.add(row)
    await work.record(_changed(row), sequence=row.version)
    set_etag(response, row.version)
    return TeamView.of(row)


@router.get("/{code}", dependencies=[require("catalogue:read")])
async def show_team(code: Code, work: WorkDep, response: Response) -> TeamView:
    """One team."""
    row = await catalogue.find(work.session, TeamRow, code)
    if row is None:
        raise TeamNotFound(code)
    set_etag(response, row.version)
    return TeamView.of(row)


@router.patch("/{code}", dependencies=[require("catalogue:write")])
async def change_team(
    code: Code, body: TeamPatch, work: WorkDep, expected: IfMatch, response: Response
) -> TeamView:
    """Rename a team or give it another region."""
    row = await catalogue.find(work.session, TeamRow, code, lock=True)
    if row is None:
        raise TeamNotFound(code)
    expected.check(row.version, current=TeamView.of(row))
    if catalogue.update(row, said(body)):
        await work.record(_changed(row), sequence=row.version)
    set_etag(response, row.version)
    return TeamView.of(row)


@router.post("/import", dependencies=[require("catalogue:write")])
async def import_teams(body: ImportBody, work: WorkDep) -> ImportResult:
    """Add or change teams by their code."""
    rows = sort_rows(body, TeamBody, identity=lambda row: row.code)
    codes = [accepted.row.code for accepted in rows.accepted]
    results, happened = put_rows(
        work.session,
        rows,
        await catalogue.find_all(work.session, TeamRow, TeamRow.code, values=codes),
        key="code",
        values=said,
        create=lambda values: TeamRow(version=1, **values),
        identify=lambda row: row.code,
        check=lambda _row, _entry: None,
        happened=_changed,
    )
    if body.dry_run:
        work.discard()
    await work.record_all(happened)
    return answer(rows.rejected, results)


def _changed(row: TeamRow) -> TeamChanged:
    """What others are told of a team: never its name."""
    return TeamChanged(team=row.code, region=row.region)
