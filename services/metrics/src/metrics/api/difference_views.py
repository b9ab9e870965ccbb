"""How differences are answered: a value or a fact, before and after."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from chassis.types import StrictModel
from metrics.api.explanation_views import EventBehind, FactBehind
from metrics.api.views import InTwoLanguages, KpiRow, Number
from metrics.engine.company import SECOND, instant_of
from metrics.engine.kpi import Unit
from metrics.engine.row import Row
from metrics.query.answer import Answer
from metrics.query.differences import FactsDiffer, ValuesDiffer
from metrics.query.explain import Part


class ValueDifferenceView(StrictModel):
    """A value that is not the same; null where there was, or is, no such value."""

    kpi: str
    name: InTwoLanguages
    unit: Unit
    period: str
    dimensions: dict[str, str]
    before: KpiRow | None
    after: KpiRow | None
    difference: Annotated[Number | None, Field(description="after - before, if both have values")]

    @classmethod
    def of(cls, one: ValuesDiffer) -> ValueDifferenceView:
        by = (one.dimension,) if one.dimension else ()
        return cls.model_construct(
            kpi=one.kpi.id,
            name=InTwoLanguages(**one.kpi.name),
            unit=one.kpi.unit,
            period=one.period.label,
            dimensions=dict(zip(by, one.members, strict=True)),
            before=None if one.before is None else KpiRow.of(one.before, by),
            after=None if one.after is None else KpiRow.of(one.after, by),
            difference=_difference(one.before, one.after),
        )


def _difference(before: Row | None, after: Row | None) -> Number | None:
    if before is None or after is None or before.value is None or after.value is None:
        return None
    return after.value - before.value


class SideView(StrictModel):
    """One of the two values: of which period, as known when, of which figures."""

    period: str
    as_of: datetime | None
    generation: int
    catalogue_version: str
    row: KpiRow

    @classmethod
    def of(cls, answer: Answer, *, generation: int, catalogue_version: str) -> SideView:
        question = answer.question
        return cls(
            period=question.periods[0].label,
            as_of=None if question.as_of is None else instant_of(question.as_of * SECOND),
            generation=generation,
            catalogue_version=catalogue_version,
            row=KpiRow.of(answer.rows[0], ()),
        )


class PartView(StrictModel):
    """What a fact adds to a value."""

    amount: Annotated[Number | None, Field(description="numerator, or days for a median")]
    numerator: Number | None
    denominator: Number | None
    n: Number
    unpriced_count: Number

    @classmethod
    def of(cls, part: Part) -> PartView:
        told = FactBehind.of(part)
        return cls(
            amount=told.amount,
            numerator=told.numerator,
            denominator=told.denominator,
            n=told.n,
            unpriced_count=told.unpriced_count,
        )


class FactDifferenceView(StrictModel):
    """A fact that adds something else; over all pages after - before sums to the difference.

    `events` are those that only one side knows; where both know the same, all of them.
    """

    fact: Annotated[str, Field(description="kind/key, as deal/0193…")]
    before: PartView | None
    after: PartView | None
    events: list[EventBehind]

    @classmethod
    def of(cls, one: FactsDiffer) -> FactDifferenceView:
        return cls(
            fact=f"{one.ref.kind}/{one.ref.key}",
            before=None if one.before is None else PartView.of(one.before),
            after=None if one.after is None else PartView.of(one.after),
            events=[EventBehind.of(entry) for entry in one.entries],
        )


class KpiDifference(StrictModel):
    """Two values of a KPI, and the facts that make up how they differ, in pages."""

    kpi: str
    name: InTwoLanguages
    unit: Unit
    currency: str | None
    before: SideView
    after: SideView
    items: list[FactDifferenceView]
    next_cursor: str | None
