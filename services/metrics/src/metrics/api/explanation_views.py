"""How a value is explained: the facts behind it, and the events that they are made of."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from chassis.paging import Page
from chassis.types import StrictModel
from metrics.api.views import KpiHead, Number, Undefined
from metrics.engine.company import instant_of
from metrics.engine.entry import Entry
from metrics.engine.fact import Ref
from metrics.engine.row import Row
from metrics.query.explain import Part


class EventBehind(StrictModel):
    """An event that a fact is made of."""

    id: str
    type: str
    source: str
    subject: str
    sequence: int
    time: datetime
    recordedtime: datetime

    @classmethod
    def of(cls, entry: Entry) -> EventBehind:
        return cls(
            id=entry.id,
            type=entry.data.wire_type,
            source=entry.source,
            subject=entry.subject,
            sequence=entry.sequence,
            time=instant_of(entry.occurred),
            recordedtime=instant_of(entry.recorded),
        )


class FactBehind(StrictModel):
    """A fact and what it adds. Over all pages, numerators and denominators sum to the value's."""

    fact: Annotated[str, Field(description="kind/key, as deal/0193…")]
    amount: Annotated[
        Number | None, Field(description="numerator; for a median the value (sketched: within 1 %)")
    ]
    numerator: Number | None
    denominator: Number | None
    n: Number
    unpriced_count: Number
    censored: Annotated[Number, Field(description="has no value yet, and is none of the n")]
    events: list[EventBehind]

    @classmethod
    def of(cls, part: Part) -> FactBehind:
        return cls(
            fact=fact_name(part.ref),
            amount=part.numerator if part.days is None else part.days,
            numerator=part.numerator,
            denominator=part.denominator,
            n=part.n,
            unpriced_count=part.unpriced_count,
            censored=part.censored,
            events=[EventBehind.of(entry) for entry in part.entries],
        )


class KpiExplanation(KpiHead):
    """A value and the facts behind it, in pages."""

    period: str
    value: Number | None
    numerator: Number | None
    denominator: Number | None
    n: Number
    unpriced_count: Number
    reason: Undefined | None
    items: list[FactBehind]
    next_cursor: str | None


def fact_name(ref: Ref) -> str:
    return f"{ref.kind}/{ref.key}"


def explanation_view(head: KpiHead, row: Row, facts: Page[FactBehind]) -> KpiExplanation:
    return KpiExplanation(
        **dict(head),
        period=row.period.label,
        value=row.value,
        numerator=row.numerator,
        denominator=row.denominator,
        n=row.n,
        unpriced_count=row.unpriced_count,
        reason=row.reason,
        items=facts.items,
        next_cursor=facts.next_cursor,
    )
