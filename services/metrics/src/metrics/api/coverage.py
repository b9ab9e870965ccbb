"""Which events a KPI needs, and which of them have arrived from whom."""

from __future__ import annotations

import inspect
from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import Field

from chassis.auth import require
from chassis.auth.actor import Actor
from chassis.resources import ResourcesDep
from chassis.types import Code, StrictModel
from metrics.api.asking import OtherTeamsFigures, source_of
from metrics.api.replies import reply
from metrics.api.views import InTwoLanguages
from metrics.engine.company import Company, date_of
from metrics.query.coverage import Coverage, NeededEvent, read_coverage
from metrics.query.known import read_known
from metrics.query.question import KpiNotFound
from metrics.query.source import Source
from metrics.store.coverage import Arrivals

router = APIRouter(prefix="/v1/kpis", tags=["kpis"])

Reader = Annotated[Actor, require("kpis:read")]


class ArrivedFrom(StrictModel):
    """The events of one type from one source; voided ones did arrive.

    `first_on` and `last_on` are the first and the last day that they are for: the day that a cost
    or an hour names, else the company's day on which it happened.
    """

    source: str
    events: int
    first_on: date
    last_on: date
    first_occurred_at: datetime
    last_occurred_at: datetime
    last_recorded_at: datetime

    @classmethod
    def of(cls, arrivals: Arrivals, company: Company) -> ArrivedFrom:
        return cls(
            source=arrivals.source,
            events=arrivals.events,
            first_on=date_of(arrivals.first_day(company)),
            last_on=date_of(arrivals.last_day(company)),
            first_occurred_at=arrivals.first_occurred_at,
            last_occurred_at=arrivals.last_occurred_at,
            last_recorded_at=arrivals.last_recorded_at,
        )


class EventCoverage(StrictModel):
    """One type of events that a KPI is made of."""

    type: str
    means: str
    from_partners: Annotated[bool, Field(description="POST /v1/events and tandem import take it")]
    events: int
    first_occurred_at: datetime | None
    last_occurred_at: datetime | None
    sources: list[ArrivedFrom]

    @classmethod
    def of(cls, needed: NeededEvent, company: Company) -> EventCoverage:
        arrived = needed.arrivals
        return cls(
            type=needed.type.wire_type,
            means=(inspect.getdoc(needed.type) or "").splitlines()[0],
            from_partners=needed.type.from_partners,
            events=sum(one.events for one in arrived),
            first_occurred_at=min((one.first_occurred_at for one in arrived), default=None),
            last_occurred_at=max((one.last_occurred_at for one in arrived), default=None),
            sources=[ArrivedFrom.of(one, company) for one in arrived],
        )


class KpiCoverage(StrictModel):
    """`coverage_from` is the first day of which every part of the formula has something."""

    kpi: str
    name: InTwoLanguages
    catalogue_version: str
    coverage_from: date | None
    missing: Annotated[list[str], Field(description="needed types of which nothing has arrived")]
    events: list[EventCoverage]

    @classmethod
    def of(cls, coverage: Coverage, source: Source) -> KpiCoverage:
        return cls(
            kpi=coverage.kpi.id,
            name=InTwoLanguages(**coverage.kpi.name),
            catalogue_version=source.catalogue.version,
            coverage_from=coverage.since,
            missing=[one.type.wire_type for one in coverage.events if not one.arrivals],
            events=[EventCoverage.of(one, source.company) for one in coverage.events],
        )


def refuse_part_of_the_company(actor: Actor) -> None:
    """Raises OtherTeamsFigures: what arrived, and how good it is, is not cut by team."""
    if not actor.sees_all_teams:
        raise OtherTeamsFigures(
            "the state of the data is not cut by team", hint="ask an administrator"
        )


@router.get("/{kpi_id}/coverage", response_model=KpiCoverage)
async def read_kpi_coverage(
    kpi_id: Code, actor: Reader, request: Request, resources: ResourcesDep
) -> Response:
    """The events that a KPI needs: which have arrived, from whom, and since when it can be read."""
    refuse_part_of_the_company(actor)
    async with source_of(resources) as source:
        kpi = source.catalogue.get(kpi_id)
        if kpi is None:
            raise KpiNotFound(kpi_id)
        found = await read_coverage(source, kpi)
        _, watermark = await read_known(source.connection, source.company)
    view = KpiCoverage.of(found, source)
    return reply(view, request=request, resources=resources, watermark=watermark)
