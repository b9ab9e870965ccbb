"""Closing periods over HTTP: publish figures, list who did when, and what became of them since."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi import status as http

from chassis.auth import require
from chassis.auth.actor import Actor
from chassis.paging import Page, PageDep
from chassis.resources import Resources, ResourcesDep
from chassis.types import StrictModel
from metrics.api.asking import OtherTeamsFigures, settings_of, source_of
from metrics.api.difference_views import ValueDifferenceView
from metrics.consuming import company_of
from metrics.engine.calendar import Period, parse_period
from metrics.query.differences import ValuesDiffer, changed_since_closing
from metrics.query.opening import open_source
from metrics.query.published import PeriodNotClosed, close, refuse_unpublished
from metrics.query.question import QuestionRefused
from metrics.query.source import Source
from metrics.store import closings
from metrics.store.closings import Closing

router = APIRouter(prefix="/v1/periods", tags=["kpis"])

Reader = Annotated[Actor, require("kpis:read")]
Label = Annotated[str, Path(max_length=16, description="2017, 2017-Q1, 2017-03, 2017-W09 …")]


class CloseBody(StrictModel):
    """Figures are closed when they are complete, unless somebody says so."""

    despite_gaps: bool = False


class ClosingView(StrictModel):
    """One edition of a period's published figures."""

    period: str
    edition: int
    known_at: datetime
    closed_at: datetime
    closed_by: str
    catalogue_version: str
    is_published: bool

    @classmethod
    def of(cls, closing: Closing) -> ClosingView:
        return cls(
            period=closing.period,
            edition=closing.edition,
            known_at=closing.known_at,
            closed_at=closing.closed_at,
            closed_by=closing.closed_by,
            catalogue_version=closing.catalogue_version,
            is_published=closing.is_published,
        )


class Editions(StrictModel):
    """All editions of a period, the last one being what `view=published` answers."""

    items: list[ClosingView]


class ClosingDifferences(Page[ValueDifferenceView]):
    """How today's figures of a period differ from those published, in pages."""

    published: ClosingView
    catalogue_version: str


@router.post("/{label}/close", status_code=http.HTTP_202_ACCEPTED)
async def close_period(
    label: Label,
    actor: Annotated[Actor, require("figures:manage")],
    resources: ResourcesDep,
    body: CloseBody | None = None,
) -> ClosingView:
    """Publish the figures of a period as they are now; again, to add an edition.

    They are written down within moments: then `is_published`.
    """
    period = _period(label, resources)
    async with (
        resources.database.pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read"),
    ):
        source = await open_source(connection, company=company_of(settings_of(resources)))
        closing = await close(
            source,
            period,
            closed_by=actor.id,
            now=resources.clock.now(),
            despite_gaps=body is not None and body.despite_gaps,
        )
    return ClosingView.of(closing)


@router.get("")
async def list_closings(_: Reader, page: PageDep, resources: ResourcesDep) -> Page[ClosingView]:
    """Which periods were closed, by whom and when: the last one first."""
    before = page.after(int)
    async with resources.database.pool.acquire() as connection:
        rows = await closings.recent(connection, before=before, limit=page.fetch)
    return page.page(rows, view=ClosingView.of, key=lambda closing: closing.id)


@router.get("/{label}")
async def list_editions(label: Label, _: Reader, resources: ResourcesDep) -> Editions:
    """The editions of one period."""
    period = _period(label, resources)
    async with resources.database.pool.acquire() as connection:
        found = await closings.editions(connection, period.label)
    if not found:
        raise PeriodNotClosed(period.label)
    return Editions(items=[ClosingView.of(closing) for closing in found])


@router.get("/{label}/differences")
async def list_differences(
    label: Label,
    actor: Reader,
    page: PageDep,
    resources: ResourcesDep,
    edition: Annotated[int | None, Query(ge=1, description="the last one by default")] = None,
) -> ClosingDifferences:
    """Values that are not what was published, in total and by each dimension.

    `GET /v1/kpis/{kpi_id}/differences?view=published` tells the facts behind each.
    """
    if not actor.sees_all_teams:
        raise OtherTeamsFigures("published figures are of all teams", hint="ask an administrator")
    period = _period(label, resources)
    after = page.after(tuple[str, str, str, str])
    async with source_of(resources) as source:
        closing = await _edition(source, period, edition)
        found: list[ValuesDiffer] = []
        async for one in changed_since_closing(source, closing, period, after=after):
            found.append(one)
            if len(found) == page.fetch:
                break
        version = source.catalogue.version
    shown = page.page(found, view=ValueDifferenceView.of, key=lambda one: one.key)
    return ClosingDifferences(
        items=shown.items,
        next_cursor=shown.next_cursor,
        published=ClosingView.of(closing),
        catalogue_version=version,
    )


async def _edition(source: Source, period: Period, edition: int | None) -> Closing:
    found = await closings.editions(source.connection, period.label)
    for closing in reversed(found):
        if edition in (None, closing.edition):
            refuse_unpublished(closing)
            return closing
    raise PeriodNotClosed(period.label)


def _period(label: str, resources: Resources) -> Period:
    try:
        return parse_period(label, company_of(settings_of(resources)).first_month)
    except (ValueError, OverflowError):
        raise QuestionRefused(
            "the period cannot be read",
            field="path.label",
            hint="write 2026, 2026-Q3, 2026-09, 2026-W39 or 2026-09-30",
        ) from None
