"""A question to a KPI, checked: nothing behind this module meets a period that is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import Final

from chassis.errors import Invalid, NotFound
from metrics.engine.calendar import Grain, Period, parse_period, period_of, periods_between
from metrics.engine.catalogue import Catalogue, kinds_not_cut_by
from metrics.engine.cohort import Curve
from metrics.engine.company import SECOND, Company, date_of, day_number, micros_of
from metrics.engine.kpi import Kpi, Quantile

MOST_PERIODS: Final = 3_700
"""Ten years of days."""
LONGEST_MEMBER: Final = 128
MOST_DIMENSIONS: Final = 2
"""An answer can be broken down by so many at once; more belong into an export."""
MOST_ROWS: Final = 100_000


class KpiNotFound(NotFound):
    """There is no KPI of this id."""

    title = "KPI not found"

    def __init__(self, kpi_id: str) -> None:
        super().__init__(f"there is no KPI {kpi_id}", hint="GET /v1/kpis lists all KPIs")
        self.kpi_id = kpi_id


class QuestionRefused(Invalid):
    """The KPI does not have what was asked for."""

    title = "the KPI has no such value"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A question as it was sent."""

    period: str | None = None
    grain: Grain | None = None
    start: date | None = None
    end: date | None = None
    by: Sequence[str] = ()
    filters: Sequence[str] = ()
    as_of: datetime | date | None = None
    percentile: int | None = None
    age: int | None = None
    or_later: bool = False


@dataclass(frozen=True, kw_only=True)
class CurrencyView:
    """Amounts at the rates of one day (its number); None: each currency as it was booked."""

    rates_on: int | None = None


@dataclass(frozen=True, kw_only=True)
class Question:
    """A question that can be answered. `as_of` is a second since 1970, its end included.

    Where an age was asked for, `kpi` is the ratio of that age.
    """

    kpi: Kpi
    grain: Grain
    periods: tuple[Period, ...]
    by: tuple[str, ...]
    filters: Mapping[str, tuple[str, ...]]
    as_of: int | None
    percentile: int = 50
    today: bool = False
    """Whether facts count for the members that they have today, not on their own days."""
    currency: CurrencyView | None = None
    """None: in base currency, at the rates that were frozen when it was booked."""

    @property
    def columns(self) -> tuple[str, ...]:
        """What the members of a row belong to."""
        as_booked = self.currency is not None and self.currency.rates_on is None
        return (*self.by, "currency") if as_booked else self.by

    @property
    def dimensions(self) -> tuple[str, ...]:
        """Everything that it is cut or filtered by."""
        return tuple(dict.fromkeys((*self.by, *self.filters)))


def read_question(
    kpi_id: str, asked: Asked, *, catalogue: Catalogue, company: Company, today: int
) -> Question:
    """Check a question. Raises KpiNotFound, QuestionRefused."""
    kpi = catalogue.get(kpi_id)
    if kpi is None:
        raise KpiNotFound(kpi_id)
    grain, periods = _periods(kpi, asked, company=company, today=today)
    question = Question(
        kpi=_at_age(kpi, asked, grain),
        grain=grain,
        periods=periods,
        by=_dimensions(kpi, asked.by),
        filters=_filters(kpi, asked.filters),
        as_of=_second(asked.as_of, company),
        percentile=_percentile(kpi, asked.percentile),
    )
    if len(question.dimensions) > 1 and kinds_not_cut_by(kpi, question.dimensions):
        raise QuestionRefused(
            f"{kpi.id} cannot be cut by {' and '.join(question.dimensions)} at once",
            field="query.by",
            hint="ask for one of them",
        )
    return question


def refuse_too_many_rows(count: int) -> None:
    """Raises QuestionRefused."""
    if count > MOST_ROWS:
        raise QuestionRefused(
            f"the answer would have {count} rows, more than {MOST_ROWS}",
            field="query.by",
            hint="ask for a shorter range, a longer grain, or a filter",
        )


def _periods(
    kpi: Kpi, asked: Asked, *, company: Company, today: int
) -> tuple[Grain, tuple[Period, ...]]:
    if asked.period is not None:
        if asked.start is not None or asked.end is not None:
            raise QuestionRefused(
                "a period and a range were given", field="query.period", hint="give one of them"
            )
        whole = _period(asked.period, company)
        grain = _grain(kpi, asked.grain or whole.grain)
        start, end = whole.start, whole.end
    else:
        grain = _grain(kpi, asked.grain or max(kpi.grains[0], Grain.MONTH, key=_length))
        current = period_of(today, grain, company.first_month)
        start = current.start if asked.start is None else day_number(asked.start)
        end = current.end if asked.end is None else day_number(asked.end)
    return grain, _cut_up(start, end, grain, company=company)


def _cut_up(start: int, end: int, grain: Grain, *, company: Company) -> tuple[Period, ...]:
    if end <= start:
        raise QuestionRefused(
            "the range ends before it begins",
            field="query.to",
            hint="`to` is the first day that is no longer asked for",
        )
    following = periods_between(start, end, grain, first_month=company.first_month)
    periods = tuple(islice(following, MOST_PERIODS + 1))
    if len(periods) > MOST_PERIODS:
        raise QuestionRefused(
            f"the range has more than {MOST_PERIODS} periods",
            field="query.grain",
            hint="ask for a shorter range or a longer grain",
        )
    for field, given, wanted in (("from", start, periods[0].start), ("to", end, periods[-1].end)):
        if given != wanted:
            raise QuestionRefused(
                f"{field} does not lie between two periods of the grain {grain.value}",
                field=f"query.{field}",
                hint=f"the nearest range of whole periods is {_range_of(periods)}",
            )
    return periods


def _range_of(periods: Sequence[Period]) -> str:
    first, last = date_of(periods[0].start), date_of(periods[-1].end)
    return f"from={first.isoformat()}&to={last.isoformat()}"


def _period(label: str, company: Company) -> Period:
    try:
        return parse_period(label, company.first_month)
    except (ValueError, OverflowError):
        raise QuestionRefused(
            "the period cannot be read",
            field="query.period",
            hint="write 2026, 2026-Q3, 2026-09, 2026-W39 or 2026-09-30",
        ) from None


def _grain(kpi: Kpi, grain: Grain) -> Grain:
    if grain not in kpi.grains:
        raise QuestionRefused(
            f"{kpi.id} has no values by {grain.value}",
            field="query.grain",
            hint=f"it has: {', '.join(g.value for g in kpi.grains)}",
        )
    return grain


def _length(grain: Grain) -> int:
    return list(Grain).index(grain)


def _dimensions(kpi: Kpi, names: Sequence[str]) -> tuple[str, ...]:
    for name in names:
        _refuse_unknown(kpi, name, field="query.by")
    if len(set(names)) != len(names) or len(names) > MOST_DIMENSIONS:
        raise QuestionRefused(
            f"by names more than {MOST_DIMENSIONS} dimensions, or one of them twice",
            field="query.by",
            hint="ask for each dimension once",
        )
    return tuple(names)


def _filters(kpi: Kpi, texts: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for text in texts:
        name, colon, value = text.partition(":")
        if not colon or not value or "\0" in value or len(value) > LONGEST_MEMBER:
            raise QuestionRefused(
                "a filter is not dimension:value", field="query.filter", hint="as region:Central"
            )
        _refuse_unknown(kpi, name, field="query.filter")
        found.setdefault(name, []).append(value)
    return {name: tuple(sorted(set(values))) for name, values in sorted(found.items())}


def _refuse_unknown(kpi: Kpi, dimension: str, *, field: str) -> None:
    if dimension not in kpi.dimensions:
        raise QuestionRefused(
            f"{kpi.id} cannot be cut by that dimension",
            field=field,
            hint=f"it can be cut by: {', '.join(kpi.dimensions)}",
        )


def _percentile(kpi: Kpi, percentile: int | None) -> int:
    if isinstance(kpi, Quantile):
        return kpi.percentile if percentile is None else percentile
    if percentile is not None:
        raise QuestionRefused(
            f"{kpi.id} has no percentiles",
            field="query.percentile",
            hint="only KPIs of the class quantile have",
        )
    return 50


def _at_age(kpi: Kpi, asked: Asked, grain: Grain) -> Kpi:
    if isinstance(kpi, Curve):
        age = kpi.age if asked.age is None else asked.age
        if age > kpi.oldest[grain]:
            raise QuestionRefused(
                f"{kpi.id} by {grain.value} is followed up to the age of {kpi.oldest[grain]}",
                field="query.age",
                hint="ask for a lower age or a longer grain",
            )
        return kpi.at(age, or_later=asked.or_later)
    if asked.age is not None or asked.or_later:
        raise QuestionRefused(
            f"{kpi.id} has no ages",
            field="query.age" if asked.age is not None else "query.unbounded",
            hint="only KPIs that follow a cohort by its age have",
        )
    return kpi


def _second(as_of: datetime | date | None, company: Company) -> int | None:
    """The last second that counts as known: of a day, its last."""
    if as_of is None:
        return None
    if isinstance(as_of, datetime):
        return micros_of(as_of) // SECOND
    return company.start_of(day_number(as_of) + 1) // SECOND - 1
