"""Facts that something is wrong with: kept out of the KPI concerned, and listed here."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter

from chassis.auth import require
from chassis.auth.actor import Actor
from chassis.paging import Page, PageDep
from chassis.resources import ResourcesDep
from chassis.types import StrictModel
from metrics.api.asking import OtherTeamsFigures, source_of
from metrics.api.explanation_views import fact_name
from metrics.engine.fact import Ref
from metrics.store import facts

router = APIRouter(prefix="/v1/quarantine", tags=["kpis"])


class QuarantinedFact(StrictModel):
    """A fact and what is wrong with it, as `won_before_first_contact`."""

    fact: str
    problems: list[str]


class Quarantine(Page[QuarantinedFact]):
    """A page of such facts, and how many there are in all."""

    total: int


@router.get("")
async def list_quarantine(
    page: PageDep, actor: Annotated[Actor, require("kpis:read")], resources: ResourcesDep
) -> Quarantine:
    """Facts with problems, by kind and key."""
    if not actor.sees_all_teams:
        raise OtherTeamsFigures("the quarantine is not cut by team", hint="ask an administrator")
    after = page.after(tuple[str, str])
    async with source_of(resources) as source:
        total, rows = await facts.with_problems(
            source.connection,
            source.generation,
            after=Ref(*after) if after else Ref("", ""),
            limit=page.fetch,
        )
    shown = page.page(rows, view=_view, key=lambda row: (row["kind"], row["key"]))
    return Quarantine(items=shown.items, next_cursor=shown.next_cursor, total=total)


def _view(row: Any) -> QuarantinedFact:
    return QuarantinedFact(fact=fact_name(Ref(row["kind"], row["key"])), problems=row["problems"])
