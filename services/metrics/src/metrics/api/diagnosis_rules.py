"""The rules of the diagnosis over HTTP: who answers for what, and how sure is sure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Response
from pydantic import Field

from chassis.auth import require
from chassis.auth.actor import Actor
from chassis.concurrency import IfMatch, set_etag
from chassis.errors import Invalid
from chassis.resources import ResourcesDep
from chassis.types import StrictModel
from metrics.diagnosis import Owner, Rules
from metrics.diagnosis.payload import data_of
from metrics.diagnosis.rules import DEFAULT_OWNERS
from metrics.store import rules as stored
from metrics.store.rules import RulesVersion

router = APIRouter(prefix="/v1/diagnosis/rules", tags=["diagnosis"])

Reader = Annotated[Actor, require("kpis:read")]
Definer = Annotated[Actor, require("kpis:define")]
Share = Annotated[float, Field(gt=0, lt=1)]
OwnerName = Literal["sales", "operations", "market", "inherited", "unassigned"]
Weight = Annotated[float, Field(gt=0, le=1e9)]
Least = Annotated[int, Field(ge=1, le=1_000_000)]


class FactorUnknown(Invalid):
    """An owner was given to a factor that the diagnosis does not have."""

    title = "factor unknown"


class FloorsChosen(StrictModel):
    """What each period must have before a department is named; left out: as we do."""

    decided: Least | None = None
    won: Least | None = None
    lost: Least | None = None
    base: Least | None = None
    buyers: Least | None = None


class RulesChosen(StrictModel):
    """What the company chooses otherwise. What is left out is as we do it."""

    owners: dict[str, OwnerName] = {}
    elasticity: Annotated[float, Field(ge=0, le=3)] | None = None
    floors: FloorsChosen = FloorsChosen()
    season: Annotated[
        list[Weight] | None,
        Field(
            min_length=12,
            max_length=12,
            description="the usual volume of each month, January first, in any unit",
        ),
    ] = None
    restated_below: Share | None = None
    material_fall: Share | None = None
    material_confidence: Share | None = None
    significant_confidence: Share | None = None
    sole_share: Share | None = None
    mixed_share: Share | None = None
    mixed_below: Share | None = None


class RulesView(StrictModel):
    """A version: what was chosen otherwise, and all rules as they follow from it."""

    version: int
    chosen: RulesChosen
    rules: dict[str, Any]
    changed_at: datetime | None
    changed_by: str | None

    @classmethod
    def of(cls, one: RulesVersion) -> RulesView:
        whole = data_of(rules_of(one))
        assert isinstance(whole, dict)
        return cls(
            version=one.version,
            chosen=RulesChosen.model_validate(one.chosen),
            rules=whole,
            changed_at=one.changed_at,
            changed_by=one.changed_by,
        )


class RulesVersions(StrictModel):
    """All versions, the newest first."""

    items: list[RulesView]


@router.get("")
async def read_rules(_: Reader, resources: ResourcesDep, response: Response) -> RulesView:
    """The rules in force; they are shown with every verdict, too."""
    async with resources.database.pool.acquire() as connection:
        one = await stored.newest(connection)
    set_etag(response, one.version)
    return RulesView.of(one)


@router.get("/versions")
async def list_rules(_: Reader, resources: ResourcesDep) -> RulesVersions:
    """Every version that was ever in force, who chose it and when."""
    async with resources.database.pool.acquire() as connection:
        return RulesVersions(items=[RulesView.of(one) for one in await stored.history(connection)])


@router.put("")
async def choose_rules(
    body: RulesChosen,
    actor: Definer,
    expected: IfMatch,
    resources: ResourcesDep,
    response: Response,
) -> RulesView:
    """Choose rules for all verdicts from now on; those left out are ours."""
    unknown = sorted(body.owners.keys() - DEFAULT_OWNERS.keys())
    if unknown:
        raise FactorUnknown(
            f"the diagnosis has no factor {unknown[0]}",
            field=f"owners.{unknown[0]}",
            hint=f"it has: {', '.join(DEFAULT_OWNERS)}",
        )
    async with resources.database.pool.acquire() as connection, connection.transaction():
        before = await stored.newest(connection)
        expected.check(before.version, current=RulesView.of(before).model_dump(mode="json"))
        one = RulesVersion(
            version=before.version + 1,
            chosen=body.model_dump(mode="json", exclude_none=True),
            changed_at=resources.clock.now(),
            changed_by=actor.id,
        )
        if not await stored.add(connection, one):
            expected.check(one.version)
    set_etag(response, one.version)
    return RulesView.of(one)


def rules_of(one: RulesVersion) -> Rules:
    """Our rules with what was chosen otherwise."""
    chosen = dict(one.chosen)
    ours = Rules()
    owners = {name: Owner(owner) for name, owner in chosen.pop("owners", {}).items()}
    floors = replace(ours.floors, **chosen.pop("floors", {}))
    season = chosen.pop("season", None)
    return replace(
        ours,
        version=str(one.version),
        owners={**ours.owners, **owners},
        floors=floors,
        season=None if season is None else tuple(season),
        **chosen,
    )
