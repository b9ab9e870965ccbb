"""Own KPIs over HTTP: the vocabulary, and defining, changing and retiring them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Response
from fastapi import status as http
from pydantic import Field

from chassis.auth import require
from chassis.auth.actor import Actor
from chassis.concurrency import IfMatch, OptionalIfMatch, set_etag
from chassis.resources import ResourcesDep
from chassis.types import Code, StrictModel
from events import Connection
from metrics.api.rebuilds import Progress, progress_of
from metrics.api.views import InTwoLanguages, KpiDefinition
from metrics.definitions import DefinitionNotUnderstood, DefinitionRefused, kpi_of, written_in
from metrics.definitions.changing import change, define, retire
from metrics.definitions.refusals import DefinitionNotFound
from metrics.definitions.vocabulary import VOCABULARY
from metrics.definitions.word import Word
from metrics.definitions.written import KpiId, Written
from metrics.query.own import Standing, State, standing_of, standings
from metrics.store import definitions
from metrics.store.definitions import Change

router = APIRouter(prefix="/v1/kpis", tags=["kpis"])

Reader = Annotated[Actor, require("kpis:read")]
Definer = Annotated[Actor, require("kpis:define")]


class KpiBody(Written):
    """A new KPI of the company's own."""

    id: KpiId


class MomentKindView(StrictModel):
    """A kind of moments that definitions can name.

    `amounts` are what can be added with `sum`, `lasted` what a percentile is taken of.
    A level is read as a period begins or ends.
    """

    name: str
    means: InTwoLanguages
    counts_on: InTwoLanguages
    is_level: bool
    amounts: Literal["money", "minutes", "pieces"] | None
    lasted: InTwoLanguages | None
    dimensions: list[str]
    filters: Annotated[list[str], Field(description="dimensions that `where` can name")]
    settles_after_days: int

    @classmethod
    def of(cls, word: Word) -> MomentKindView:
        return cls(
            name=word.kind.name,
            means=_two(word.name),
            counts_on=_two(word.dated),
            is_level=word.kind.stock,
            amounts=word.amount,
            lasted=None if word.lasted is None else _two(word.lasted),
            dimensions=list(word.kind.dimensions),
            filters=list(word.filters),
            settles_after_days=word.settles_after_days,
        )


class Vocabulary(StrictModel):
    """All kinds of moments that definitions can name."""

    items: list[MomentKindView]


class VersionView(StrictModel):
    """One version of a definition; without one the KPI was retired."""

    version: int
    definition: dict[str, Any] | None
    changed_at: datetime
    changed_by: str

    @classmethod
    def of(cls, one: Change) -> VersionView:
        said = one.definition
        return cls(
            version=one.version,
            definition=None if said is None else dict(written_in(said)),
            changed_at=one.changed_at,
            changed_by=one.changed_by,
        )


class OwnKpi(VersionView):
    """An own KPI as its newest version has it, and how that stands.

    `kpi` is what the catalogue tells, or will; `version_in_force` is the one that has
    values now. `progress` is that of the figures that are being made.
    """

    id: str
    state: State
    reason: str | None
    version_in_force: int | None
    generation: int | None
    progress: Progress | None
    kpi: KpiDefinition | None

    @classmethod
    def of_standing(cls, one: Standing) -> OwnKpi:
        generation = one.generation
        return cls(
            **dict(VersionView.of(one.change)),
            id=one.change.id,
            state=one.state,
            reason=one.reason,
            version_in_force=one.in_force,
            generation=None if generation is None else generation.id,
            progress=progress_of(generation)
            if generation is not None and one.state == "backfilling"
            else None,
            kpi=_declared(one.change),
        )


class OwnKpis(StrictModel):
    """Own KPIs by id; also those that were retired."""

    items: list[OwnKpi]


class OwnKpiHistory(OwnKpi):
    """With all its versions, the newest first."""

    history: list[VersionView]


@router.get("/vocabulary")
async def read_vocabulary(_: Reader) -> Vocabulary:
    """The kinds of moments that own KPIs are defined with, in words."""
    return Vocabulary(items=[MomentKindView.of(word) for word in VOCABULARY.values()])


@router.get("/definitions")
async def list_definitions(_: Reader, resources: ResourcesDep) -> OwnKpis:
    """All own KPIs, and how they stand."""
    async with resources.database.pool.acquire() as connection:
        found = await standings(connection)
    return OwnKpis(items=[OwnKpi.of_standing(one) for one in found])


@router.get("/{kpi_id}/definition")
async def read_definition(
    kpi_id: Code, _: Reader, resources: ResourcesDep, response: Response
) -> OwnKpiHistory:
    """An own KPI: its definition, how far its values are made, and all its versions."""
    async with resources.database.pool.acquire() as connection:
        view = await _view(connection, kpi_id)
        versions = await definitions.history(connection, kpi_id)
    set_etag(response, view.version)
    return OwnKpiHistory(**dict(view), history=[VersionView.of(one) for one in versions])


@router.post("", status_code=http.HTTP_202_ACCEPTED)
async def define_kpi(
    body: KpiBody, actor: Definer, resources: ResourcesDep, response: Response
) -> OwnKpi:
    """Define a KPI. It is made from all of history and then comes in force by itself."""
    written = Written.model_validate(body.model_dump(exclude={"id"}))
    async with resources.database.pool.acquire() as connection, connection.transaction():
        await define(connection, body.id, written, by=actor.id, at=resources.clock.now())
        view = await _view(connection, body.id)
    set_etag(response, view.version)
    response.headers["Location"] = f"/v1/kpis/{body.id}/definition"
    return view


@router.put("/{kpi_id}", status_code=http.HTTP_202_ACCEPTED)
async def change_kpi(
    kpi_id: Code,
    body: Written,
    expected: IfMatch,
    actor: Definer,
    resources: ResourcesDep,
    response: Response,
) -> OwnKpi:
    """Define an own KPI anew. The version before has values until the new one has."""
    async with resources.database.pool.acquire() as connection, connection.transaction():
        await change(
            connection, kpi_id, body, expected=expected, by=actor.id, at=resources.clock.now()
        )
        view = await _view(connection, kpi_id)
    set_etag(response, view.version)
    return view


@router.delete("/{kpi_id}", status_code=http.HTTP_202_ACCEPTED)
async def retire_kpi(
    kpi_id: Code, expected: OptionalIfMatch, actor: Definer, resources: ResourcesDep
) -> OwnKpi:
    """Retire an own KPI: the next figures have no values of it. Its definitions are kept."""
    async with resources.database.pool.acquire() as connection, connection.transaction():
        await retire(connection, kpi_id, expected=expected, by=actor.id, at=resources.clock.now())
        return await _view(connection, kpi_id)


async def _view(connection: Connection, kpi_id: str) -> OwnKpi:
    found = await standing_of(connection, kpi_id)
    if found is None:
        raise DefinitionNotFound(kpi_id)
    return OwnKpi.of_standing(found)


def _declared(one: Change) -> KpiDefinition | None:
    """What the catalogue tells of a definition; None where there is none, or it is broken."""
    if one.definition is None:
        return None
    try:
        return KpiDefinition.of(kpi_of(one.definition))
    except (DefinitionRefused, DefinitionNotUnderstood):
        return None


def _two(texts: tuple[str, str]) -> InTwoLanguages:
    return InTwoLanguages(en=texts[0], zh=texts[1])
