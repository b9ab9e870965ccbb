"""How a request becomes a question, and what a reader may ask."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Annotated, Literal

from fastapi import Depends, Query

from chassis.auth.actor import Actor
from chassis.errors import Forbidden
from chassis.resources import Resources
from chassis.types import Code, Day, Instant
from metrics.consuming import company_of
from metrics.engine.calendar import Grain
from metrics.engine.company import SECOND, Company, day_number, micros_of
from metrics.query import limits
from metrics.query.opening import open_source
from metrics.query.own import why_without_values
from metrics.query.question import (
    Asked,
    CurrencyView,
    KpiNotFound,
    Question,
    QuestionRefused,
    read_question,
)
from metrics.query.source import Source
from metrics.settings import Settings

MOST_FILTERS = 100


class OtherTeamsFigures(Forbidden):
    """A reader bound to teams asks for more than theirs."""

    title = "figures of other teams"


Filters = Annotated[
    list[str],
    Query(alias="filter", max_length=MOST_FILTERS, description="dimension:value, repeatable"),
]
AsOf = Annotated[
    Instant | Day | None,
    Query(description="only what was known at this instant, or at the end of this day"),
]
PeriodLabel = Annotated[
    str | None, Query(max_length=16, description="2017, 2017-Q1, 2017-03, 2017-W09 or 2017-03-05")
]

Percentile = Annotated[
    int | None,
    Query(ge=1, le=99, description="instead of the median; only of KPIs that are quantiles"),
]
Age = Annotated[
    int | None,
    Query(ge=0, le=1_000, description="periods since the cohort's own; only of KPIs with ages"),
]
Unbounded = Annotated[bool, Query(description="at that age or later, instead of exactly then")]


MembersView = Annotated[
    Literal["restated", "current"],
    Query(description="current: by the members that facts have today, not on their own days"),
]


async def _asked(
    period: PeriodLabel = None,
    grain: Annotated[Grain | None, Query()] = None,
    from_: Annotated[Day | None, Query(alias="from", description="first day")] = None,
    to: Annotated[Day | None, Query(description="first day that is no longer asked for")] = None,
    by: Annotated[list[Code], Query(description="dimension to break down by, at most two")] = [],  # noqa: B006 - FastAPI copies it
    filters: Filters = [],  # noqa: B006
    as_of: AsOf = None,
    percentile: Percentile = None,
    age: Age = None,
    *,
    unbounded: Unbounded = False,
) -> Asked:
    return Asked(
        period=period,
        grain=grain,
        start=from_,
        end=to,
        by=by,
        filters=filters,
        as_of=as_of,
        percentile=percentile,
        age=age,
        or_later=unbounded,
    )


async def _asked_one(
    period: PeriodLabel,
    filters: Filters = [],  # noqa: B006
    as_of: AsOf = None,
    percentile: Percentile = None,
    age: Age = None,
    *,
    unbounded: Unbounded = False,
) -> Asked:
    return Asked(
        period=period,
        filters=filters,
        as_of=as_of,
        percentile=percentile,
        age=age,
        or_later=unbounded,
    )


class AskedCurrency:
    """In which currency, and at which day's rates, money is asked for."""

    def __init__(
        self,
        currency: Annotated[
            Literal["base", "as_booked", "constant", "current"],
            Query(
                description="of money: at the rates of its day, as booked, at those of rates_on,"
                " or at today's"
            ),
        ] = "base",
        rates_on: Annotated[
            Day | None, Query(description="with currency=constant: the day whose rates count")
        ] = None,
    ) -> None:
        if (currency == "constant") != (rates_on is not None):
            raise QuestionRefused(
                "currency=constant and rates_on belong together",
                field="query.rates_on",
                hint="write currency=constant&rates_on=2026-01-01, or currency=current",
            )
        self.currency = currency
        self.rates_on = rates_on

    def view_of(self, question: Question, company: Company, *, now: int) -> CurrencyView | None:
        """As of an instant, today is that day."""
        if self.currency == "base":
            return None
        if self.currency == "as_booked":
            return CurrencyView()
        if self.rates_on is not None:
            return CurrencyView(rates_on=day_number(self.rates_on))
        known = now if question.as_of is None else question.as_of * SECOND
        return CurrencyView(rates_on=company.day(known))


CurrencyDep = Annotated[AskedCurrency, Depends(AskedCurrency)]
AskedDep = Annotated[Asked, Depends(_asked)]
AskedOneDep = Annotated[Asked, Depends(_asked_one)]


def question_of(
    kpi_id: str,
    asked: Asked,
    *,
    actor: Actor,
    source: Source,
    resources: Resources,
    view: str = "restated",
) -> Question:
    """The question, checked against the catalogue in force.

    Raises KpiNotFound, QuestionRefused, OtherTeamsFigures.
    """
    question = read_question(
        kpi_id,
        asked,
        catalogue=source.catalogue,
        company=source.company,
        today=source.company.day(micros_of(resources.clock.now())),
    )
    _refuse_other_teams(question, actor)
    return replace(question, today=view == "current")


def settings_of(resources: Resources) -> Settings:
    assert isinstance(resources.settings, Settings)
    return resources.settings


@asynccontextmanager
async def source_of(resources: Resources) -> AsyncIterator[Source]:
    """One snapshot of the figures.

    Who asks in it for an own KPI that they do not have (yet) is told how that stands.
    """
    company = company_of(settings_of(resources))
    async with (
        resources.database.pool.acquire() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        opened = await open_source(connection, company=company)
        source = replace(opened, limits=limits.USUAL)
        try:
            yield source
        except KpiNotFound as missing:
            raise await why_without_values(connection, missing.kpi_id) from None


def _refuse_other_teams(question: Question, actor: Actor) -> None:
    if actor.sees_all_teams:
        return
    if "team" not in question.kpi.dimensions:
        raise OtherTeamsFigures(
            f"{question.kpi.id} cannot be cut by team", hint="ask somebody who may see all teams"
        )
    asked = set(question.filters.get("team", ()))
    if not asked or not asked <= actor.teams:
        own = sorted(actor.teams)
        hint = f"add filter=team:{own[0]}" if own else "your token names no team"
        raise OtherTeamsFigures("the figures of other teams are not yours to see", hint=hint)
