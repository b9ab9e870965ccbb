"""Rebuilds over HTTP: build figures beside those in force, see what would differ, switch."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi import status as http
from pydantic import Field

from chassis.auth import require
from chassis.auth.actor import Actor
from chassis.errors import Unavailable
from chassis.paging import Page, PageDep
from chassis.resources import Resources, ResourcesDep
from chassis.types import Code, StrictModel
from events import Connection
from metrics.api.asking import OtherTeamsFigures, settings_of
from metrics.api.difference_views import ValueDifferenceView
from metrics.catalogues import terms_of, text_of
from metrics.consuming import company_of
from metrics.engine.company import Company
from metrics.query.differences import ValuesDiffer
from metrics.query.generations import TwoGenerations
from metrics.query.opening import open_generation
from metrics.rebuild import RebuildNotFound, ask_to_drop, ask_to_switch, start_build
from metrics.store import definitions
from metrics.store.closings import TOTAL
from metrics.store.generation import (
    Generation,
    all_generations,
    live_generation,
    read_generation,
)

router = APIRouter(prefix="/v1/rebuilds", tags=["kpis"])

Reader = Annotated[Actor, require("kpis:read")]
Operator = Annotated[Actor, require("figures:manage")]


class Progress(StrictModel):
    """How far a generation has come. Its share is that of the journal as far as it is known."""

    percent: float
    events: int
    events_a_second: float | None
    seconds_left: float | None


class RebuildView(StrictModel):
    """A generation of figures. Of those retired, the last two can be switched back to."""

    id: int
    status: Literal["building", "ready", "live", "retired", "failed", "dropped"]
    switch: Literal["automatically", "by_hand"]
    progress: Progress
    time_zone: str
    base_currency: str
    catalogue_version: str
    own_definitions: Annotated[int, Field(description="KPIs that users had defined")]
    asked_by: str
    asked_at: datetime
    live_at: datetime | None
    retired_at: datetime | None
    failure: str | None

    @classmethod
    def of(cls, one: Generation) -> RebuildView:
        return cls(
            id=one.id,
            status=one.status,
            switch="automatically" if one.to_go_live else "by_hand",
            progress=progress_of(one),
            time_zone=one.terms.time_zone,
            base_currency=one.terms.base_currency,
            catalogue_version=one.terms.catalogue_version,
            own_definitions=one.terms.definition_count,
            asked_by=one.asked_by,
            asked_at=one.asked_at,
            live_at=one.live_at,
            retired_at=one.retired_at,
            failure=one.failure,
        )


def progress_of(one: Generation) -> Progress:
    """How far a generation has come; the live one is whole."""
    left, rate = one.seconds_left, one.events_a_second
    is_whole = one.status == "live"
    return Progress(
        percent=100.0 if is_whole else math.floor(1_000 * one.share_done) / 10,
        events=one.events_done,
        events_a_second=None if rate is None else round(rate, 1),
        seconds_left=0.0 if is_whole else left and round(left, 1),
    )


class Rebuilds(StrictModel):
    """All generations that are kept, the newest first."""

    items: list[RebuildView]


class StartBody(StrictModel):
    """Whether the new figures go live by themselves when they are made, or wait for a switch."""

    switch: Literal["automatically", "by_hand"] = "by_hand"


class RebuildDifferences(Page[ValueDifferenceView]):
    """Values of a generation (`after`) that differ from those in force, by month, in pages.

    Of KPIs that only one of the two has there is nothing to compare.
    """

    before: RebuildView
    after: RebuildView
    only_before: list[str]
    only_after: list[str]


@router.get("")
async def list_rebuilds(_: Reader, resources: ResourcesDep) -> Rebuilds:
    """The figures in force, those being made, and those of before."""
    async with resources.database.pool.acquire() as connection:
        found = await all_generations(connection)
    shown = [RebuildView.of(one) for one in reversed(found) if one.status != "dropped"]
    return Rebuilds(items=shown)


@router.get("/{rebuild_id}")
async def read_rebuild(rebuild_id: int, _: Reader, resources: ResourcesDep) -> RebuildView:
    """One of them, with its progress."""
    async with resources.database.pool.acquire() as connection:
        return await _view(connection, rebuild_id)


@router.post("", status_code=http.HTTP_202_ACCEPTED)
async def start_rebuild(
    actor: Operator, resources: ResourcesDep, body: StartBody | None = None
) -> RebuildView:
    """Make all figures anew from the journal, by the definitions of this release, beside the
    live ones.
    """
    company, wanted = _company(resources), body or StartBody()
    async with resources.database.pool.acquire() as connection, connection.transaction():
        live = await live_generation(connection)
        if live is None:
            raise Unavailable("there are no figures yet", hint="try again in a moment")
        generation = await start_build(
            connection,
            terms_of(company, text_of(await definitions.current(connection))),
            to_go_live=wanted.switch == "automatically",
            asked_by=actor.id,
        )
        return await _view(connection, generation)


@router.post("/{rebuild_id}/switch", status_code=http.HTTP_202_ACCEPTED)
async def switch_to_rebuild(rebuild_id: int, _: Operator, resources: ResourcesDep) -> RebuildView:
    """Let a generation go live as soon as it has caught up: a new one, or one of before."""
    async with resources.database.pool.acquire() as connection, connection.transaction():
        await ask_to_switch(connection, rebuild_id, company=_company(resources))
        return await _view(connection, rebuild_id)


@router.delete("/{rebuild_id}", status_code=http.HTTP_204_NO_CONTENT)
async def drop_rebuild(rebuild_id: int, _: Operator, resources: ResourcesDep) -> None:
    """Give up a generation that is not live."""
    async with resources.database.pool.acquire() as connection, connection.transaction():
        await ask_to_drop(connection, rebuild_id)


@router.get("/{rebuild_id}/differences")
async def list_rebuild_differences(
    rebuild_id: int,
    actor: Reader,
    page: PageDep,
    resources: ResourcesDep,
    by: Annotated[Code | None, Query(description="dimension to compare along")] = None,
) -> RebuildDifferences:
    """What a switch would change, or changed: by KPI and month, in total or along a dimension.

    `GET /v1/kpis/{kpi_id}/differences?against_generation=` tells the facts behind each.
    """
    if not actor.sees_all_teams:
        raise OtherTeamsFigures("rebuilds are of all teams", hint="ask an administrator")
    after = page.after(tuple[str, str, str, str])
    async with (
        resources.database.pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        live = await live_generation(connection)
        if live is None:
            raise Unavailable("there are no figures yet", hint="try again in a moment")
        comparison = TwoGenerations(
            before=await open_generation(connection, live.id, like=_company(resources)),
            after=await open_generation(connection, rebuild_id, like=_company(resources)),
            dimension=by or TOTAL,
        )
        found: list[ValuesDiffer] = []
        async for one in comparison.values(after=after):
            found.append(one)
            if len(found) == page.fetch:
                break
        views = [await _view(connection, number) for number in (live.id, rebuild_id)]
    shown = page.page(found, view=ValueDifferenceView.of, key=lambda one: one.key)
    return RebuildDifferences(
        items=shown.items,
        next_cursor=shown.next_cursor,
        before=views[0],
        after=views[1],
        only_before=list(comparison.only_before()),
        only_after=list(comparison.only_after()),
    )


async def _view(connection: Connection, generation: int) -> RebuildView:
    found = await read_generation(connection, generation)
    if found is None:
        raise RebuildNotFound(generation)
    return RebuildView.of(found)


def _company(resources: Resources) -> Company:
    return company_of(settings_of(resources))
