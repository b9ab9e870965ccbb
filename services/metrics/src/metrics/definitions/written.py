"""A KPI as its author writes it. What it means is said by `declaring`.

Pydantic, though it is kept and read again far from the edge: people write it, and are
owed all their slips at once, by field.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Final, Literal

from pydantic import Field, StringConstraints, model_validator

from chassis.types import Code, Lax, StrictModel, Text
from metrics.engine.calendar import Grain

MOST_MEMBERS: Final = 20
MOST_DAYS: Final = 1_100
"""Three years: nothing that a KPI looks back on, or waits for, takes longer."""

Member = Annotated[str, StringConstraints(min_length=1, max_length=128)]
Where = Annotated[
    dict[Code, Annotated[list[Member], Field(min_length=1, max_length=MOST_MEMBERS)]],
    Field(min_length=1, max_length=3, description="by dimension the members that count"),
]
Unit = Literal["money", "ratio", "points", "ppm", "count", "minutes", "hours", "days"]


class TwoLanguages(StrictModel):
    """A text for people, in both languages that we speak."""

    en: Text
    zh: Text


class Counted(StrictModel):
    """How many moments of a kind there are, or what their amounts add up to."""

    count: Annotated[Code | None, Field(description="kind of moments to count")] = None
    sum: Annotated[Code | None, Field(description="kind of moments whose amounts to add")] = None
    at: Annotated[
        Literal["start", "end"] | None,
        Field(description="of a level: as the period begins or ends; by default as it ends"),
    ] = None
    trailing_days: Annotated[
        int | None,
        Field(ge=1, le=MOST_DAYS, description="the days up to the period's end, not the period"),
    ] = None
    where: Where | None = None

    @property
    def kind(self) -> str:
        return self.count or self.sum or ""


class Term(Counted):
    """One part of a sum: to be counted or added, or taken off (`minus`)."""

    minus: Counted | None = None

    @model_validator(mode="after")
    def _names_one_thing(self) -> Term:
        named = [self.count, self.sum, self.minus]
        inner = [] if self.minus is None else [self.minus.count, self.minus.sum]
        if any(_how_many(names) != 1 for names in (named, inner) if names):
            raise ValueError('names not exactly one thing, as {"count": "deal.won"}')
        if self.minus is not None and (self.at or self.trailing_days or self.where):
            raise ValueError("says at, trailing_days or where beside minus; write it inside")
        return self


def _how_many(names: Iterable[object | None]) -> int:
    return sum(name is not None for name in names)


class Percentile(StrictModel):
    """A percentile of how long something took; without `percent` the median."""

    of: Code
    percent: Annotated[int, Field(ge=1, le=99)] = 50
    where: Where | None = None


Terms = Annotated[list[Term], Field(min_length=1)]


class Written(StrictModel):
    """What a KPI is: one of `value`, `numerator` with `denominator`, or `percentile`."""

    name: TwoLanguages
    unit: Unit
    better: Literal["up", "down", "neither"]
    value: Terms | None = None
    numerator: Terms | None = None
    denominator: Terms | None = None
    percentile: Percentile | None = None
    where: Annotated[Where | None, Field(description="for all terms")] = None
    grain: Annotated[Grain, Lax, Field(description="the shortest period; longer ones follow")] = (
        Grain.MONTH
    )
    dimensions: Annotated[
        list[Code] | None, Field(description="by default all that every term can be cut by")
    ] = None
    matures_after_days: Annotated[
        int | None, Field(ge=0, le=MOST_DAYS, description="of a cohort: null before that")
    ] = None
    floor: Annotated[int | None, Field(ge=0, le=1_000_000, description="null where n is less")] = (
        None
    )
    formula: Annotated[TwoLanguages | None, Field(description="by default made from terms")] = None


KpiId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,59}$")]
