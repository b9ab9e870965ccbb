"""What the API answers. Money is in minor units of `currency`, counts are in units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field

from chassis.types import StrictModel
from metrics.api.target_views import TargetOfRow
from metrics.engine.certainty import certainty_of
from metrics.engine.company import SECOND, date_of, instant_of
from metrics.engine.kpi import Kpi, Unit
from metrics.engine.row import Reason, Row
from metrics.query.answer import Answer
from metrics.query.shapes import Shape, shapes_of

Number = int | float
Undefined = Reason


class InTwoLanguages(StrictModel):
    """A text for people."""

    en: str
    zh: str


class KpiDefinition(StrictModel):
    """What a KPI is."""

    id: str
    name: InTwoLanguages
    unit: Unit
    better: Literal["up", "down", "neither"]
    behaviour: Annotated[
        Literal["additive", "stock", "ratio", "quantile", "cohort", "model"],
        Field(alias="class", description="how values behave under sums over time and members"),
    ]
    grains: list[str]
    dimensions: list[str]
    formula: InTwoLanguages
    source: str
    version: int
    interval: Annotated[
        Literal["wilson", "normal"] | None,
        Field(description="of which kind its 95 % intervals are"),
    ]
    interval_because: Annotated[InTwoLanguages, Field(description="why so, or why it has none")]
    shapes: Annotated[list[Shape], Field(description="what it can be drawn as: GET …/shape")]

    @classmethod
    def of(cls, kpi: Kpi) -> KpiDefinition:
        certainty = certainty_of(kpi)
        return cls.model_validate(
            {
                "id": kpi.id,
                "name": dict(kpi.name),
                "unit": kpi.unit,
                "better": kpi.better,
                "class": kpi.kind,
                "grains": [grain.value for grain in kpi.grains],
                "dimensions": list(kpi.dimensions),
                "formula": dict(kpi.formula),
                "source": kpi.source,
                "version": kpi.version,
                "interval": certainty.method,
                "interval_because": dict(certainty.why),
                "shapes": shapes_of(kpi),
            }
        )


class KpiCatalogue(StrictModel):
    """All KPIs, and what they have in common."""

    catalogue_version: str
    currency: str
    time_zone: str
    fiscal_year_first_month: int
    items: list[KpiDefinition]


@dataclass(slots=True)
class KpiRow:
    """A value. Null values have a `reason`; `interval` is that at 95 % (Wilson's for shares)."""

    __pydantic_config__ = StrictModel.model_config

    dimensions: dict[str, str]
    value: Number | None
    numerator: Number | None
    denominator: Number | None
    n: Number
    interval: list[float] | None
    unpriced_count: Number
    reason: Undefined | None
    mature: Annotated[bool, Field(description="no fact dated later can still change it")]
    censored: Annotated[Number | None, Field(description="of a quantile: without a value yet")]
    shrunken: Annotated[
        float | None,
        Field(description="of a rate by one dimension: what to rank its members by"),
    ]
    previous: Annotated[Number | None, Field(description="the value that `compare` asks for")]
    change: Annotated[Number | None, Field(description="from the previous value")]
    relative_change: Annotated[
        float | None, Field(description="the change as a share of the previous value's size")
    ]
    against_target: Annotated[TargetOfRow | None, Field(description="with target=true")]

    @classmethod
    def of(cls, row: Row, by: Sequence[str]) -> KpiRow:
        return cls(
            dimensions=dict(zip(by, row.members, strict=True)),
            value=row.value,
            numerator=row.numerator,
            denominator=row.denominator,
            n=row.n,
            interval=list(row.interval) if row.interval else None,
            unpriced_count=row.unpriced_count,
            reason=row.reason,
            mature=row.mature,
            censored=row.censored,
            shrunken=row.shrunken,
            previous=None,
            change=None,
            relative_change=None,
            against_target=None,
        )


class KpiPeriod(StrictModel):
    """The rows of one period; `to_on` is the first day that is no longer in it.

    `compared_from_on` and `compared_to_on` are the days of what it is compared with.
    """

    period: str
    from_on: date
    to_on: date
    compared_from_on: date | None
    compared_to_on: date | None
    rows: list[KpiRow]


class KpiHead(StrictModel):
    """What an answer is about. How current it is stands in the headers."""

    kpi: str
    name: InTwoLanguages
    unit: Unit
    currency: Annotated[
        str | None,
        Field(description="of money; null as booked, where each row names its own"),
    ]
    rates_on: Annotated[date | None, Field(description="the day at whose rates money is told")]
    catalogue_version: str
    grain: str
    by: list[str]
    filters: dict[str, list[str]]
    as_of: Annotated[datetime | None, Field(description="the last second that counts as known")]
    members: Annotated[
        Literal["of_their_day", "of_today"], Field(description="whom facts count for: see `view`")
    ]
    complete: Annotated[bool, Field(description="no event is held back or missing")]


class KpiAnswer(KpiHead):
    """Values by period, and within it by members; see `answer_body`."""

    periods: list[KpiPeriod]
    next_cursor: str | None


def head_of(answer: Answer, *, currency: str, catalogue_version: str) -> KpiHead:
    question = answer.question
    kpi, view = question.kpi, question.currency
    as_booked = view is not None and view.rates_on is None
    return KpiHead(
        kpi=kpi.id,
        name=InTwoLanguages(**kpi.name),
        unit=kpi.unit,
        currency=currency if kpi.unit == "money" and not as_booked else None,
        rates_on=date_of(view.rates_on) if view and view.rates_on is not None else None,
        catalogue_version=catalogue_version,
        grain=question.grain.value,
        by=list(question.columns),
        filters={name: list(values) for name, values in question.filters.items()},
        as_of=None if question.as_of is None else instant_of(question.as_of * SECOND),
        members="of_today" if question.today else "of_their_day",
        complete=answer.known.complete,
    )
