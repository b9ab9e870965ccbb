"""Shapes: a KPI as a front end draws it, with nothing left to reckon."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from metrics.engine.calendar import Period, period_after, periods_since
from metrics.engine.cohort import Curve, Funnel
from metrics.engine.kpi import Amount, Kpi, Quantile
from metrics.engine.measure import COUNT_SCALE, Count, at_end, binned, of_period
from metrics.engine.moment import Moment
from metrics.engine.pricing import Prices
from metrics.engine.quantiles import quantile, quantile_of_sketch
from metrics.engine.selection import selections_among, with_selections
from metrics.engine.sums import Known, Spot, Sums
from metrics.engine.survival import Survivors, median_of, survival
from metrics.engine.units import Number, counted
from metrics.query.contributions import Contributions
from metrics.query.gathering import gather
from metrics.query.limits import refuse_too_many_facts
from metrics.query.question import Question, QuestionRefused
from metrics.query.scan import since_of, speaking_facts
from metrics.query.source import Source

PERCENTILES: Final = (10, 25, 50, 75, 90)
BUCKETS: Final = ((0, 30), (31, 60), (61, 90), (91, 180), (181, None))
"""First and last day of age."""


class Shape(StrEnum):
    """What a KPI can be drawn as."""

    TRIANGLE = "triangle"
    FUNNEL = "funnel"
    BUCKETS = "buckets"
    SURVIVAL = "survival"
    DISTRIBUTION = "distribution"


@dataclass(frozen=True, kw_only=True)
class AgeRate:
    """What share of a cohort was there at an age; None until that period is over."""

    age: int
    value: float | None
    count: Number


@dataclass(frozen=True, kw_only=True)
class Cohort:
    """A row of a triangle: as many ages as have begun."""

    period: Period
    n: Number
    ages: Sequence[AgeRate]


@dataclass(frozen=True, kw_only=True)
class Step:
    """How many came to a step or further; from the step before and from the first."""

    step: int
    won: bool
    count: Number
    from_previous: float | None
    from_first: float | None


@dataclass(frozen=True, kw_only=True)
class Bucket:
    """What is there since so many days, `until_days` included."""

    from_days: int
    until_days: int | None
    value: Number
    n: Number
    unpriced_count: Number


@dataclass(frozen=True, kw_only=True)
class Survival:
    """How many lasted how long; `going_on` did not end until the period's end."""

    steps: Sequence[Survivors]
    median: int | None
    ended: Number
    going_on: Number


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """Percentiles, None where there are too few values."""

    percentiles: Sequence[tuple[int, Number | None]]
    n: Number
    censored: Number | None


def shapes_of(kpi: Kpi) -> list[Shape]:
    """What a KPI can be drawn as."""
    match kpi:
        case Curve():
            return [Shape.TRIANGLE]
        case Funnel():
            return [Shape.FUNNEL]
        case Amount(ageing=True):
            return [Shape.BUCKETS]
        case Quantile(still_open=None):
            return [Shape.DISTRIBUTION]
        case Quantile():
            return [Shape.DISTRIBUTION, Shape.SURVIVAL]
        case _:
            return []


def refuse_other_shape(kpi: Kpi, shape: Shape) -> None:
    """Raises QuestionRefused when the KPI cannot be drawn like that."""
    possible = shapes_of(kpi)
    if shape not in possible:
        known = ", ".join(possible)
        raise QuestionRefused(
            f"{kpi.id} cannot be drawn as {shape.value}",
            field="query.shape",
            hint=f"it can be drawn as: {known}" if known else "ask for its values instead",
        )


async def triangle(
    source: Source, question: Question, curve: Curve, *, known: Known, or_later: bool
) -> list[Cohort]:
    """Cohorts by the ages that have begun."""
    counted_at = curve.last if or_later else curve.at_age
    ratio = replace(curve.at(0), numerator=of_period(counted_at))
    sums = await gather(source, replace(question, kpi=ratio), known)
    cohorts = []
    for place, period in enumerate(question.periods):
        spot = Spot(sums, (), place, known)
        oldest = min(curve.oldest[question.grain], _ages_begun(period, known))
        there = spot.bins(ratio.numerator.terms[0])
        size = spot.read(ratio.denominator) or 0
        ages = [
            AgeRate(age=age, value=count / size if size and is_over else None, count=counted(count))
            for age in range(oldest + 1)
            for count in [_there(there, age, or_later=or_later)]
            for is_over in [age == 0 or known.covers(period_after(period, age))]
        ]
        cohorts.append(Cohort(period=period, n=counted(size), ages=ages))
    return cohorts


def _there(by_age: Mapping[int, int], age: int, *, or_later: bool) -> int:
    if not or_later:
        return by_age.get(age, 0)
    return sum(count for last, count in by_age.items() if last >= age)


def _ages_begun(period: Period, known: Known) -> int:
    return -1 if known.day is None else periods_since(period.start, known.day, period.grain)


async def funnel(source: Source, question: Question, kpi: Funnel, *, known: Known) -> list[Step]:
    """The steps that anybody came to, and the last; rates are None until the cohort is mature."""
    sums = await gather(source, question, known)
    spot = Spot(sums, (), 0, known)
    furthest = spot.bins(binned(kpi.reached).terms[0])
    mature = known.covers(spot.period, window_days=kpi.matures_after_days)
    highest = max((step for step in furthest if step < kpi.last), default=0)
    numbers = [*range(highest + 1), kpi.last]
    came = [sum(n for step, n in furthest.items() if step >= number) for number in numbers]
    steps = []
    for place, (number, count) in enumerate(zip(numbers, came, strict=True)):
        before = came[max(0, place - 1)]
        steps.append(
            Step(
                step=number,
                won=number == kpi.last,
                count=counted(count),
                from_previous=count / before if before and mature else None,
                from_first=count / came[0] if came[0] and mature else None,
            )
        )
    return steps


async def buckets(source: Source, question: Question, kpi: Amount, *, known: Known) -> list[Bucket]:
    """What the value is made of, by how long it has been there at the end of the period."""
    last = known.end_of(question.periods[0]) - 1
    levels = await _levels(
        source,
        question,
        known=known,
        group=lambda moments: _bucket_of(last - min(moment.day for moment in moments)),
    )
    totals = kpi.value, kpi.n, kpi.value.unpriced
    found = [
        [levels[place].read(total) or 0 if place in levels else 0 for total in totals]
        for place in range(len(BUCKETS))
    ]
    return [
        Bucket(
            from_days=first,
            until_days=until,
            value=value,
            n=counted(n),
            unpriced_count=counted(unpriced),
        )
        for (first, until), (value, n, unpriced) in zip(BUCKETS, found, strict=True)
    ]


async def _levels(
    source: Source,
    question: Question,
    *,
    known: Known,
    group: Callable[[Sequence[Moment]], int],
) -> Mapping[int, Spot]:
    """A level in groups of facts, each in one by its moments of the level's kind."""
    contributions = Contributions(question, known, Prices())
    kinds = contributions.kinds
    selections = selections_among(kinds)
    days = since_of(question), question.periods[-1].end
    groups: dict[int, Sums] = {}
    await refuse_too_many_facts(source, kinds, question=question, days=days)
    async for _, moments in speaking_facts(source, kinds, question=question, days=days):
        said = with_selections(moments, selections)
        # With what was passed over: a deal that moved into a region was open before.
        own = [one for one in said if one.kind in kinds or one.kind in selections]
        if own:
            place = group(own)
            if place not in groups:
                groups[place] = contributions.new_sums()
            contributions.add(((moment, 1) for moment in own), groups[place])
    return {place: Spot(sums, (), 0, known) for place, sums in groups.items()}


def _bucket_of(age: int) -> int:
    return next(place for place, (_, until) in enumerate(BUCKETS) if until is None or age <= until)


async def survived(source: Source, question: Question, kpi: Quantile, *, known: Known) -> Survival:
    """How long what ended in the period had lasted, beside what was going on at its end."""
    assert kpi.still_open is not None
    spot = Spot(await gather(source, question, known), (), 0, known)
    ended = spot.bins(kpi.values.terms[0])
    level = at_end(Count(kpi.still_open))
    open_ones = replace(question, kpi=kpi.part(Amount, value=level, n=level))
    last = known.end_of(spot.period) - 1
    levels = await _levels(
        source, open_ones, known=known, group=lambda moments: max(0, last - (moments[0].bin or 0))
    )
    going_on = {lasted: own.read(level) or 0 for lasted, own in levels.items()}
    steps = survival(ended, {lasted: n for lasted, n in going_on.items() if n})
    return Survival(
        steps=steps,
        median=median_of(steps),
        ended=counted(sum(ended.values())),
        going_on=counted(sum(going_on.values())),
    )


async def distribution(
    source: Source, question: Question, kpi: Quantile, *, known: Known
) -> Distribution:
    """Percentiles of one period."""
    spot = Spot(await gather(source, question, known), (), 0, known)
    bins = spot.bins(kpi.values.terms[0])
    enough = sum(bins.values()) >= max(1, kpi.floor) * COUNT_SCALE
    read = quantile_of_sketch if kpi.sketched else quantile
    return Distribution(
        percentiles=[(p, read(bins, p) if enough else None) for p in PERCENTILES],
        n=counted(sum(bins.values())),
        censored=None if kpi.censored is None else counted(spot.read(kpi.censored)),
    )
