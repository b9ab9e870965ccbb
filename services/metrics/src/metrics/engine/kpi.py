"""KPIs: what they are called, and how their value comes out of sums of measures.

A KPI is a declaration of about ten lines (see `metrics.kpis`). A KPI that does not
fit one of these classes needs a new class here, never code of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, Literal, TypeVar

from metrics.engine.calendar import Grain
from metrics.engine.measure import Aspect, Measure, Reading, Sum
from metrics.engine.moment import MomentKind

DAILY = (Grain.DAY, Grain.WEEK, Grain.MONTH, Grain.QUARTER, Grain.YEAR)
WEEKLY = DAILY[1:]
MONTHLY = DAILY[2:]

Unit = Literal["money", "ratio", "days", "hours", "minutes", "points", "ppm", "count"]
Class = Literal["additive", "stock", "ratio", "quantile", "cohort", "model"]


K = TypeVar("K", bound="Kpi")


@dataclass(frozen=True, kw_only=True)
class Kpi:
    """What every KPI says of itself. `source` tells where the definition comes from."""

    id: str
    name: Mapping[str, str]
    better: Literal["up", "down", "neither"]
    grains: tuple[Grain, ...]
    dimensions: tuple[str, ...]
    formula: Mapping[str, str]
    source: str
    version: int = 1

    @property
    def unit(self) -> Unit:
        raise NotImplementedError

    @property
    def kind(self) -> Class:
        """How it behaves under sums over time and members."""
        raise NotImplementedError

    def sums(self) -> Mapping[str, Sum]:
        """The named sums that a value is made of, for the total and most dimensions."""
        raise NotImplementedError

    def sums_by(self, _dimensions: Collection[str]) -> Mapping[str, Sum]:
        """The same, cut or filtered by some dimensions."""
        return self.sums()

    def measures(self) -> set[Measure]:
        """Every measure that a value can need."""
        found: set[Measure] = set()
        for dimensions in ((), *((name,) for name in self.dimensions)):
            for total in self.sums_by(dimensions).values():
                for term in (*total.terms, *total.unpriced.terms):
                    found.add(term.measure.quantity)
                    if term.measure.price is not None:
                        found.add(Measure(kind=term.measure.price.kind, aspect=Aspect.MONEY))
                    if term.reading is Reading.SCOPE_OF_PERIOD:
                        found.update(companions(term.measure))
        return found

    def part(self, of: type[K], **parts: Any) -> K:
        """A KPI of another class that is a part of this one, under its name."""
        return of(**{known.name: getattr(self, known.name) for known in fields(Kpi)}, **parts)

    @property
    def is_stock(self) -> bool:
        """Whether a change on one day changes the value of later days."""
        return any(
            term.reading in _READ_LATER or term.measure.price is not None
            for total in self.sums().values()
            for term in total.terms
        )


_READ_LATER: Final = (*(Reading.AT_START, Reading.AT_END, Reading.TRAILING, Reading.ELAPSED_DAYS),)


def companions(target: Measure) -> tuple[Measure, Measure]:
    """How many targets there are, and how many of them could not be priced."""
    return (
        Measure(kind=target.kind, aspect=Aspect.COUNT, binned=True),
        Measure(kind=target.kind, aspect=Aspect.UNPRICED, binned=True),
    )


@dataclass(frozen=True, kw_only=True)
class Amount(Kpi):
    """A sum of money, or of something else. `n` counts what it is the sum of.

    `ageing` says that it is a level whose parts can be told apart by how long they are there.

    `divided_by` is how many of what is summed make one of the unit: minutes of an hour.
    """

    value: Sum
    n: Sum
    per: Unit = "money"
    divided_by: int = 1
    ageing: bool = False

    @property
    def unit(self) -> Unit:
        return self.per

    @property
    def kind(self) -> Class:
        read_later = any(term.reading in _READ_LATER for term in self.value.terms)
        return "stock" if read_later else "additive"

    def sums(self) -> Mapping[str, Sum]:
        return {"numerator": self.value, "n": self.n}


@dataclass(frozen=True, kw_only=True)
class Variant:
    """The parts of a ratio that stand in where a dimension is asked for."""

    numerator: Sum
    denominator: Sum
    n: Sum


@dataclass(frozen=True, kw_only=True)
class Ratio(Kpi):
    """A numerator over a denominator, each summed before they are divided.

    `rate` says that it is a share of countable things, which gets an interval; `balance`
    that things for are counted against things against, which gets one, too. `times` is how
    many of the unit make one: points of a share, parts per million. Where there are fewer
    than `floor` (see `n`) it is null. `unset` is the reason where a target is missing.
    `matures_after_days` or `matures_after_periods`: before that much time after a period's
    end, the period's value could still rise, and is null. `only_past_days`: a day that is
    not over does not count yet. `every_day` is what there is on each day of a trailing window:
    while something is missing, a day without any is an outage, and the value is null.
    `divided_by` is how many of the numerator make one of the unit: days of an average.
    `variants` replaces both parts where a dimension needs other facts. `n` counts what stands
    behind the value; by default the denominator.
    """

    numerator: Sum
    denominator: Sum
    per: Unit = "ratio"
    n: Sum | None = None
    rate: bool = False
    balance: bool = False
    times: int = 1
    divided_by: int = 1
    floor: int = 0
    unset: Literal["no_target", "no_denominator"] = "no_target"
    matures_after_days: int = 0
    matures_after_periods: int = 0
    only_past_days: bool = False
    every_day: Sum | None = None
    variants: Mapping[str, Variant] = field(default_factory=dict)

    @property
    def unit(self) -> Unit:
        return self.per

    @property
    def kind(self) -> Class:
        return "cohort" if self.matures else "ratio"

    @property
    def matures(self) -> bool:
        """Whether a period's value is only known some time after its end."""
        return bool(self.matures_after_days or self.matures_after_periods)

    def sums(self) -> Mapping[str, Sum]:
        n = self.denominator if self.n is None else self.n
        return {"numerator": self.numerator, "denominator": self.denominator, "n": n}

    def sums_by(self, dimensions: Collection[str]) -> Mapping[str, Sum]:
        for dimension, other in self.variants.items():
            if dimension in dimensions:
                return vars(other)
        return self.sums()


@dataclass(frozen=True, kw_only=True)
class Quantile(Kpi):
    """The median, or any other percentile, of what a histogram counts.

    Exact for whole numbers (days), the mean of the two middle ones where there are two.
    `sketched` values are kept in bins that grow with them (see `sketch`): within 1 %.
    Below `floor` values it is null: it would say more about one deal than about us.
    `censored` counts what has no value yet (leads not answered), which is told beside it.
    `percentile` is what is told when a question names none.
    `still_open` is the stock of what is not over, its bin the day on which it began: with it
    one can ask how many lasted how long, those that go on included.
    """

    values: Sum
    floor: int
    per: Unit = "days"
    sketched: bool = False
    censored: Sum | None = None
    percentile: int = 50
    still_open: MomentKind | None = None

    @property
    def unit(self) -> Unit:
        return self.per

    @property
    def kind(self) -> Class:
        return "quantile"

    def sums(self) -> Mapping[str, Sum]:
        censored = {} if self.censored is None else {"censored": self.censored}
        return {"values": self.values, **censored}


@dataclass(frozen=True, kw_only=True)
class Inputs(Kpi):
    """Sums that belong together and are no KPI: what a diagnosis is made from."""

    parts: Mapping[str, Sum]
    name: Mapping[str, str] = field(default_factory=dict)
    better: Literal["up", "down", "neither"] = "neither"
    grains: tuple[Grain, ...] = MONTHLY
    formula: Mapping[str, str] = field(default_factory=dict)
    source: str = ""

    @property
    def unit(self) -> Unit:
        return "money"

    @property
    def kind(self) -> Class:
        return "additive"

    def sums(self) -> Mapping[str, Sum]:
        return self.parts
