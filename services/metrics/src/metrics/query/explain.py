"""Explaining a value: the facts behind it, what each adds, and the events that made them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from metrics.engine.entry import Entry
from metrics.engine.expectation import Model
from metrics.engine.fact import Ref
from metrics.engine.kpi import Quantile
from metrics.engine.measure import Measure, Reading, Sum
from metrics.engine.reading import unpriced_of
from metrics.engine.row import Row
from metrics.engine.sketch import value_of
from metrics.engine.sums import Known, Spot
from metrics.engine.units import Number, counted, shown
from metrics.query.answer import Answer, answer
from metrics.query.behind import events_behind
from metrics.query.contributions import Contributions
from metrics.query.gathering import gather, read_prices
from metrics.query.limits import no_more_than_usual
from metrics.query.question import Question, QuestionRefused
from metrics.query.scan import since_of, speaking_facts
from metrics.query.source import Source


@dataclass(frozen=True, kw_only=True)
class Part:
    """What one fact adds to a value. Parts of a value sum to it, above and below the line."""

    ref: Ref
    numerator: Number | None
    denominator: Number | None
    n: Number
    days: Number | None
    unpriced_count: Number
    entries: Sequence[Entry]
    censored: Number = 0


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """A value, and some of the facts behind it in the order of their keys."""

    answer: Answer
    row: Row
    parts: Sequence[Part]


async def explain(
    source: Source, question: Question, *, after: Ref | None, limit: int
) -> Explanation:
    """Explain the value of a question with one period and no breakdown.

    Gives up to `limit` facts after `after`. Raises QuestionRefused for a model.
    """
    refuse_model(question)
    answered = await answer(source, question)
    targets = await targets_used(source, question, answered.known)
    prices = await read_prices(source, question)
    contributions = Contributions(question, answered.known, prices)
    parts: list[Part] = []
    days = since_of(question), question.periods[-1].end
    speaking = speaking_facts(
        source, contributions.kinds, question=question, days=days, after=after
    )
    # Closed at once when there are enough: a cursor must not outlive its transaction.
    async with aclosing(no_more_than_usual(source, question, speaking)) as reading:
        async for ref, moments in reading:
            sums = contributions.new_sums()
            contributions.add_fact(moments, sums)
            spot = Spot(sums, (), 0, answered.known)
            part = part_of(ref, question, spot=spot, targets=targets)
            if part is not None:
                parts.append(part)
            if len(parts) == limit:
                break
    entries = await events_behind(source, [part.ref for part in parts], as_of=question.as_of)
    return Explanation(
        answer=answered,
        row=answered.rows[0],
        parts=[replace(part, entries=entries[part.ref]) for part in parts],
    )


def refuse_model(question: Question) -> None:
    """Raises QuestionRefused where a value is no sum of facts."""
    if isinstance(question.kpi, Model):
        raise QuestionRefused(
            f"{question.kpi.id} is what a model predicts: no facts add up to it",
            field="path.kpi_id",
            hint=f"GET /v1/kpis/{question.kpi.id}/model shows what it was fitted to, and how well",
        )


async def targets_used(source: Source, question: Question, known: Known) -> Mapping[Measure, int]:
    """For each target of the formula, which length of targets made it up."""
    wanted = [
        term.measure
        for total in question.kpi.sums_by(question.dimensions).values()
        for term in total.terms
        if term.reading is Reading.SCOPE_OF_PERIOD
    ]
    if not wanted:
        return {}
    spot = Spot(await gather(source, question, known), (), 0, known)
    parts = {measure: spot.target_part(measure) for measure in wanted}
    return {measure: part for measure, part in parts.items() if part is not None}


def part_of(
    ref: Ref, question: Question, *, spot: Spot, targets: Mapping[Measure, int]
) -> Part | None:
    """The fact's part; None when it says nothing about this value."""
    if isinstance(question.kpi, Quantile):
        return _days(ref, question.kpi, spot)
    named = question.kpi.sums_by(question.dimensions)
    amounts = {name: _read(total, spot, targets) for name, total in named.items()}
    unpriced = _read(unpriced_of(named), spot, targets)
    if not any(amounts.values()) and not unpriced:
        return None
    below = named.get("denominator")
    return Part(
        ref=ref,
        numerator=shown(named["numerator"], amounts["numerator"]),
        denominator=None if below is None else shown(below, amounts["denominator"]),
        n=counted(amounts["n"]),
        days=None,
        unpriced_count=counted(unpriced),
        entries=(),
    )


def _days(ref: Ref, kpi: Quantile, spot: Spot) -> Part | None:
    """A fact has at most one value in a histogram, or none yet."""
    bins = spot.bins(kpi.values.terms[0])
    censored = 0 if kpi.censored is None else counted(spot.read(kpi.censored))
    if not bins and not censored:
        return None
    [(value, weight)] = bins.items() or [(None, 0)]
    return Part(
        ref=ref,
        numerator=None,
        denominator=None,
        n=counted(weight),
        days=round(value_of(value)) if kpi.sketched and value is not None else value,
        unpriced_count=0,
        censored=censored,
        entries=(),
    )


def _read(total: Sum, spot: Spot, targets: Mapping[Measure, int]) -> int:
    """A sum over one fact. Of targets only those count that the whole value is made of."""
    amount = 0
    for term in total.terms:
        if term.reading is Reading.SCOPE_OF_PERIOD:
            part = targets.get(term.measure)
            amount += term.sign * spot.target(term.measure, part) if part else 0
        else:
            amount += spot.read(Sum((term,))) or 0
    return amount
