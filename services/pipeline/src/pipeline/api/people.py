"""People who can own deals. Reference data: colleagues know each other's names across teams.

Names stay in this service: events carry ids, and whoever shows a name asks here.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from sqlmodel import col

from chassis.auth import require
from chassis.bulk import ImportBody, ImportResult, answer, sort_rows
from chassis.concurrency import IfMatch, set_etag
from chassis.paging import LARGEST_LIMIT, Page, PageDep
from chassis.types import Code, Id, StrictModel, Text
from chassis.work import WorkDep
from events import uuid7
from events.types.pipeline import PersonChanged
from pipeline.api.catalogue import put_rows, said
from pipeline.errors import AlreadyExists, PersonNotFound, ReferenceUnknown
from pipeline.store import catalogue
from pipeline.tables import PersonRow

router = APIRouter(prefix="/v1/people", tags=["people"])

Several = Annotated[list[Id] | None, Query(max_length=LARGEST_LIMIT)]


class PersonBody(StrictModel):
    """Somebody who can own deals; `external_ref` is the name that another system gave them."""

    external_ref: Id | None = None
    name: Text
    team: Code | None = None


class PersonRefBody(PersonBody):
    """A row of an import, which is known by its external_ref."""

    external_ref: Id


class PersonPatch(StrictModel):
    """What is left out stays. The person's deals stay in the teams that they are in; figures with
    `view=current` show them in the new one.
    """

    name: Text = ""
    team: Code | None = None


class PersonView(StrictModel):
    """A person."""

    id: str
    version: int
    external_ref: str | None
    name: str
    team: str | None

    @classmethod
    def of(cls, row: PersonRow) -> PersonView:
        return cls(
            id=row.id,
            version=row.version,
            external_ref=row.external_ref,
            name=row.name,
            team=row.team,
        )


@router.get("", dependencies=[require("catalogue:read")])
async def list_people(
    page: PageDep,
    work: WorkDep,
    ids: Annotated[str | None, Query(max_length=10_000, description="comma separated")] = None,
    external_ref: Several = None,
    team: Code | None = None,
) -> Page[PersonView]:
    """People by id, by external_ref, of a team, or all."""
    where: list[Any] = []
    if ids is not None:
        where.append(col(PersonRow.id).in_(ids.split(",")))
    if external_ref is not None:
        where.append(col(PersonRow.external_ref).in_(external_ref))
    if team is not None:
        where.append(col(PersonRow.team) == team)
    rows = await catalogue.page_of(
        work.session,
        PersonRow,
        PersonRow.id,
        after=page.after(str),
        limit=page.fetch,
        where=where,
    )
    return page.page(rows, view=PersonView.of, key=lambda row: row.id)


@router.post("", status_code=201, dependencies=[require("catalogue:write")])
async def create_person(body: PersonBody, work: WorkDep, response: Response) -> PersonView:
    """Add a person."""
    await _refuse_unknown_team(work, body.team)
    if body.external_ref is not None and await catalogue.find_all(
        work.session, PersonRow, PersonRow.external_ref, values=[body.external_ref]
    ):
        raise AlreadyExists("person", body.external_ref)
    row = PersonRow(id=uuid7(), version=1, **body.model_dump())
    work.session.add(row)
    await work.record(_changed(row), sequence=row.version)
    set_etag(response, row.version)
    return PersonView.of(row)


@router.get("/{person_id}", dependencies=[require("catalogue:read")])
async def show_person(person_id: Id, work: WorkDep, response: Response) -> PersonView:
    """One person."""
    row = await catalogue.find(work.session, PersonRow, person_id)
    if row is None:
        raise PersonNotFound(person_id)
    set_etag(response, row.version)
    return PersonView.of(row)


@router.patch("/{person_id}", dependencies=[require("catalogue:write")])
async def change_person(
    person_id: Id, body: PersonPatch, work: WorkDep, expected: IfMatch, response: Response
) -> PersonView:
    """Rename a person or move them to another team."""
    await _refuse_unknown_team(work, body.team)
    row = await catalogue.find(work.session, PersonRow, person_id, lock=True)
    if row is None:
        raise PersonNotFound(person_id)
    expected.check(row.version, current=PersonView.of(row))
    if catalogue.update(row, said(body)):
        await work.record(_changed(row), sequence=row.version)
    set_etag(response, row.version)
    return PersonView.of(row)


@router.post("/import", dependencies=[require("catalogue:write")])
async def import_people(body: ImportBody, work: WorkDep) -> ImportResult:
    """Add or change people by their external_ref."""
    rows = sort_rows(body, PersonRefBody, identity=lambda row: row.external_ref)
    given = [accepted.row for accepted in rows.accepted]
    teams = await catalogue.known_teams(work.session, {row.team for row in given if row.team})

    def check(row: PersonRefBody, _entry: PersonRow | None) -> None:
        if row.team is not None and row.team not in teams:
            raise _team_unknown(row.team)

    results, happened = put_rows(
        work.session,
        rows,
        await catalogue.find_all(
            work.session,
            PersonRow,
            PersonRow.external_ref,
            values=[row.external_ref for row in given],
        ),
        key="external_ref",
        values=said,
        create=lambda values: PersonRow(id=uuid7(), version=1, **values),
        identify=lambda row: row.id,
        check=check,
        happened=_changed,
    )
    if body.dry_run:
        work.discard()
    await work.record_all(happened)
    return answer(rows.rejected, results)


def _changed(row: PersonRow) -> PersonChanged:
    """What others are told of a person: never the name."""
    return PersonChanged(person_id=row.id, team=row.team)


async def _refuse_unknown_team(work: WorkDep, team: str | None) -> None:
    if team is not None and not await catalogue.known_teams(work.session, [team]):
        raise _team_unknown(team)


def _team_unknown(team: str) -> ReferenceUnknown:
    return ReferenceUnknown("team", team, hint="GET /v1/teams lists them; add the team first")
