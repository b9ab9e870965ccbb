"""Values in other currencies: as they were booked, or all at the rates of one day.

Cells hold amounts at the rates that were frozen in their events. These views are read from the
facts, which keep what was booked: as exact, and slower.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import structs

from metrics.engine.company import Company
from metrics.engine.kpi import Ratio
from metrics.engine.measure import Aspect, Measure
from metrics.engine.moment import Moment, MomentKind
from metrics.engine.pricing import Prices
from metrics.engine.reading import rows_of
from metrics.engine.row import Row
from metrics.engine.selection import Selection
from metrics.engine.sums import Known, Sums
from metrics.facts import moments_of
from metrics.facts.booked import BOOKED, REPRICED, at_rates, booked_moments, repriced
from metrics.facts.fx import FxRate, FxRateKind, rates_on
from metrics.query.contributions import Contributions, measures_of, until_of
from metrics.query.gathering import company_sums
from metrics.query.limits import refuse_too_many_facts
from metrics.query.question import Question, QuestionRefused, refuse_too_many_rows
from metrics.query.scan import read_facts, read_states, since_of
from metrics.query.source import Source


async def rows_in_currency(source: Source, question: Question, known: Known) -> list[Row]:
    """The rows of a question that names a currency view; as booked, a currency is told as the
    last member. Raises QuestionRefused.
    """
    assert question.currency is not None
    day = question.currency.rates_on
    _refuse_other_parts(question)
    whole = await company_sums(source, question, known)
    if day is None:
        _refuse_mixed_parts(question)
        by_currency = await _sums_as_booked(source, question, known)
        rows = [
            structs.replace(row, members=(*row.members, currency))
            for currency, sums in by_currency.items()
            for row in _rows(question, sums, known=known, whole=whole)
        ]
        return sorted(rows, key=lambda row: (row.period, row.members))
    sums = await _sums_at_rates(source, question, known, day=day)
    return list(_rows(question, sums, known=known, whole=whole))


def _rows(question: Question, sums: Sums, *, known: Known, whole: Sums | None) -> Iterator[Row]:
    refuse_too_many_rows(len(question.periods) * max(1, len(sums.members)))
    return rows_of(
        question.kpi,
        sums,
        by=question.by,
        filtered=question.filters,
        known=known,
        whole=whole,
    )


async def _sums_as_booked(source: Source, question: Question, known: Known) -> dict[str, Sums]:
    contributions = Contributions(question, known, Prices())
    found: dict[str, Sums] = {}
    days = since_of(question), until_of(question, known)
    await refuse_too_many_facts(source, contributions.kinds, question=question, days=days)
    reading = read_facts(
        source,
        contributions.kinds,
        booked_moments,
        question=question,
        days=days,
        filters=question.filters,
    )
    async for _, booked in reading:
        for currency in {currency for currency, _ in booked}:
            if currency not in found:
                found[currency] = contributions.new_sums()
            said = [moment for own, moment in booked if own == currency]
            contributions.add_fact(said, found[currency])
    return found


async def _sums_at_rates(source: Source, question: Question, known: Known, *, day: int) -> Sums:
    published: list[FxRate] = [
        state async for state in read_states(source, FxRateKind.name, as_of=question.as_of)
    ]
    rates = rates_on(day, published, base=source.company.base_currency)
    price = at_rates(rates, source.company)

    def says(kind: str, state: Any, company: Company) -> list[Moment]:
        return moments_of(kind, repriced(state, price), company)

    contributions = Contributions(question, known, Prices())
    sums = contributions.new_sums()
    days = since_of(question), until_of(question, known)
    await refuse_too_many_facts(source, contributions.kinds, question=question, days=days)
    reading = read_facts(
        source,
        contributions.kinds,
        says,
        question=question,
        days=days,
        filters=question.filters,
    )
    async for _, moments in reading:
        contributions.add_fact(moments, sums)
    return sums


def _refuse_other_parts(question: Question) -> None:
    """What has no money, or money that facts do not keep as it was booked."""
    kpi, summed = question.kpi, [m for m in measures_of(question) if _sums_amounts(m)]
    kinds = {_origin(measure.kind): measure for measure in summed}
    if kpi.unit != "money" and not any(kind in REPRICED for kind in kinds):
        raise QuestionRefused(
            f"{kpi.id} is made of no money",
            field="query.currency",
            hint="leave out currency; sales and costs have other currencies",
        )
    others = sorted(
        kind.name
        for kind, measure in kinds.items()
        if kind not in REPRICED or measure.price is not None
    )
    if others or not kinds:
        named = ", ".join(others) or "all"
        raise QuestionRefused(
            f"{kpi.id} has parts that are only known in base currency: {named}",
            field="query.currency",
            hint="leave out currency",
        )


def _refuse_mixed_parts(question: Question) -> None:
    """What is divided by something that was not booked together with it."""
    kpi = question.kpi
    counted = {_origin(measure.kind) for measure in measures_of(question)}
    of_one_kind = True
    if isinstance(kpi, Ratio):
        named = kpi.sums_by(question.dimensions)
        above, below = (
            {_origin(term.measure.kind) for term in named[part].terms}
            for part in ("numerator", "denominator")
        )
        of_one_kind = below <= above
    if not of_one_kind or not counted <= set(BOOKED):
        raise QuestionRefused(
            f"{kpi.id} is made of things that have no currency in common",
            field="query.currency",
            hint="ask for currency=constant with rates_on",
        )


def _sums_amounts(measure: Measure) -> bool:
    return measure.aspect is Aspect.MONEY


def _origin(kind: MomentKind) -> MomentKind:
    return kind.of if isinstance(kind, Selection) else kind
