"""KPIs of a cohort: who was still there at an age, and how far its members came."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from metrics.engine.calendar import Grain
from metrics.engine.kpi import Class, Kpi, Ratio, Unit
from metrics.engine.measure import Measure, Sum, binned, of_period


@dataclass(frozen=True, kw_only=True)
class Curve(Kpi):
    """The share of a cohort that was there at an age, in periods since the one it began in.

    `at_age` counts the members that were there by age, `last` all members by the highest age
    at which they were; `oldest` is how far either goes. A question names an age, and whether
    it asks for that age alone or for that age or any later one: `at` makes a ratio of it.
    """

    began: Sum
    at_age: Sum
    last: Sum
    oldest: Mapping[Grain, int]
    age: int = 1

    @property
    def unit(self) -> Unit:
        return "ratio"

    @property
    def kind(self) -> Class:
        return "cohort"

    def sums(self) -> Mapping[str, Sum]:
        return self.at(self.age).sums()

    def at(self, age: int, *, or_later: bool = False) -> Ratio:
        counted = self.last if or_later else self.at_age
        return self.part(
            Ratio,
            numerator=of_period(counted, first=age, until=None if or_later else age + 1),
            denominator=self.began,
            rate=True,
            matures_after_periods=age,
        )

    def measures(self) -> set[Measure]:
        return super().measures() | self.at(self.age, or_later=True).measures()


@dataclass(frozen=True, kw_only=True)
class Funnel(Kpi):
    """How many of a cohort came how far: `reached` counts its members by the furthest step.

    Steps are numbered from 0; the value is the share that came to the `last`.
    """

    reached: Sum
    last: int
    matures_after_days: int

    @property
    def unit(self) -> Unit:
        return "ratio"

    @property
    def kind(self) -> Class:
        return "cohort"

    def sums(self) -> Mapping[str, Sum]:
        return self.overall().sums()

    def overall(self) -> Ratio:
        return self.part(
            Ratio,
            numerator=binned(self.reached, first=self.last),
            denominator=binned(self.reached),
            rate=True,
            matures_after_days=self.matures_after_days,
        )
