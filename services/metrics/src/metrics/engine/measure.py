"""Measures: what is summed about a kind of moment, and sums of them.

Counts are in ten-thousandths, so that an owner's weight in basis points is a
whole number. Every measure is an element of an abelian group (sums of integers,
also per bin), which is what lets late and corrected facts be taken back exactly.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property
from typing import Final

from metrics.engine.calendar import Grain
from metrics.engine.dimension import Crossing, slice_number
from metrics.engine.moment import MomentKind

COUNT_SCALE: Final = 10_000

_BINS_OF_GRAIN: Final = 100_000
"""Bins that one grain has in moments of a period (ages of a cohort, bands of tenure)."""


class Aspect(Enum):
    """Which property of a moment is summed."""

    COUNT = "count"
    MONEY = "money"
    UNPRICED = "unpriced"


class Reading(Enum):
    """Which days of a measure belong to a period."""

    DURING = "during"
    AT_START = "at_start"
    AT_END = "at_end"
    TRAILING = "trailing"
    """The days before the period's end, as many as the term says."""
    BEFORE = "before"
    """The days before the period's start, as many as the term says."""
    OF_PERIOD = "of_period"
    """Said for exactly this period: binned by `bin_of_period`, on the period's first day."""
    ELAPSED_DAYS = "elapsed_days"
    """The level at the end, times the number of that day: less the sum of the days on which
    things began, it is how long they have lasted.
    """
    SCOPE_OF_PERIOD = "scope_of_period"
    """A target: the value set for exactly this period and scope, prorated while it runs."""


@dataclass(frozen=True, kw_only=True)
class Price:
    """What one of something was worth on each day, by the members of a dimension.

    `kind` is a stock of prices: a new one takes the old one's place on its day.
    `counts` only asks whether there was a price.
    """

    kind: MomentKind
    along: str
    counts: bool = False


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One number of a cell. `binned` measures are kept apart by the moment's bin.

    `crossing` names the slices that are kept, and by whole months: for what is asked by two
    dimensions at once. Without it they are the total and each dimension, by the day.

    A priced one is no cell of its own: it is multiplied when it is read, so that a new
    price need not touch what it prices.
    """

    kind: MomentKind
    aspect: Aspect
    binned: bool = False
    price: Price | None = None
    crossing: Crossing = ()

    @property
    def name(self) -> str:
        return f"{self.kind.name}:{self.aspect.value}{self.apart}"

    @property
    def apart(self) -> str:
        """What keeps its cells apart from others of its cube."""
        slices = ",".join(str(slice_number(by)) for by in self.crossing)
        return ("/bin" if self.binned else "") + (f"/{slices}" if slices else "")

    @property
    def quantity(self) -> Measure:
        """What is multiplied."""
        if self.price is None:
            return self
        no_price = self.aspect is Aspect.UNPRICED and not self.price.counts
        aspect = Aspect.COUNT if no_price else self.aspect
        return Measure(kind=self.kind, aspect=aspect)

    @property
    def is_money(self) -> bool:
        """Whether it sums amounts, and is no count in ten-thousandths."""
        if self.price is not None and not self.price.counts:
            return self.aspect is not Aspect.UNPRICED
        return self.aspect is Aspect.MONEY


@dataclass(frozen=True)
class Term:
    """A measure as it enters a formula. Of a binned one the bins from one until before another."""

    measure: Measure
    sign: int = 1
    reading: Reading = Reading.DURING
    days: int = 0
    bins: tuple[int, int] | None = None

    def place_of(self, bin_: int, grain: Grain) -> int | None:
        """Where a bin stands in the reading of a period; None when it does not count."""
        first, until = self.bins or (None, None)
        if self.reading is Reading.OF_PERIOD:
            own, place = divmod(bin_, _BINS_OF_GRAIN)
            if own != grain.number:
                return None
        else:
            place = bin_
        if first is not None and until is not None and not first <= place < until:
            return None
        return place


@dataclass(frozen=True)
class Sum:
    """A sum of terms; `Count(WON) + Count(LOST)` reads as it is meant."""

    terms: tuple[Term, ...]

    def __add__(self, other: Sum) -> Sum:
        return Sum(self.terms + other.terms)

    def __sub__(self, other: Sum) -> Sum:
        taken = (replace(term, sign=-term.sign) for term in other.terms)
        return Sum((*self.terms, *taken))

    @cached_property
    def is_count(self) -> bool:
        """Whether it counts things, and is no money."""
        return not any(term.measure.is_money for term in self.terms)

    @property
    def unpriced(self) -> Sum:
        """How many moments behind the money of this sum had no rate or amount."""
        return Sum(
            tuple(
                replace(term, measure=replace(term.measure, aspect=Aspect.UNPRICED), sign=1)
                for term in self.terms
                if term.measure.is_money and term.reading not in _NEVER_UNPRICED
            )
        )


_NEVER_UNPRICED: Final = (Reading.SCOPE_OF_PERIOD, Reading.ELAPSED_DAYS)


def bin_of_period(grain: Grain, place: int = 0) -> int:
    """The bin of a moment that is said for one period of a grain."""
    return grain.number * _BINS_OF_GRAIN + place


def Count(kind: MomentKind) -> Sum:  # noqa: N802 - reads as a noun in declarations
    """How many moments of the kind; a stock changes by their signs."""
    return _sum(kind, Aspect.COUNT)


def Money(kind: MomentKind) -> Sum:  # noqa: N802
    """Their amounts in base minor units; the unpriced ones add nothing."""
    return _sum(kind, Aspect.MONEY)


def Quantity(kind: MomentKind) -> Sum:  # noqa: N802
    """What they carry in the place of money: minutes, units, days."""
    return _sum(kind, Aspect.MONEY)


def Unpriced(kind: MomentKind) -> Sum:  # noqa: N802
    """How many of them had no amount in base currency."""
    return _sum(kind, Aspect.UNPRICED)


def Histogram(kind: MomentKind) -> Sum:  # noqa: N802
    """How many moments there are for each value of their bin."""
    return binned(Count(kind))


def binned(total: Sum, *, first: int | None = None, until: int | None = None) -> Sum:
    """A sum that is kept apart by bins; of them only those from `first` until before `until`."""
    bins = None if first is None and until is None else (first or 0, until or _BINS_OF_GRAIN)
    return Sum(
        tuple(
            replace(term, measure=replace(term.measure, binned=True), bins=bins)
            for term in total.terms
        )
    )


def priced(total: Sum, *, by: MomentKind, along: str) -> Sum:
    """What is counted or summed, each times the price that was in force on its day.

    What had no price is left out, and counted as unpriced.
    """
    return _priced(total, Price(kind=by, along=along))


def where_priced(total: Sum, *, by: MomentKind, along: str) -> Sum:
    """Only what had a price on its day."""
    return _priced(total, Price(kind=by, along=along, counts=True))


def crossed(total: Sum, *by: tuple[str, ...]) -> Sum:
    """A sum that is kept for whole months, by these dimensions, one at a time or two at once."""
    crossing = tuple(by)
    return Sum(
        tuple(
            replace(term, measure=replace(term.measure, crossing=crossing)) for term in total.terms
        )
    )


def at_start(stock: Sum) -> Sum:
    """The level just before the period's first day."""
    return _read(stock, Reading.AT_START)


def at_end(stock: Sum) -> Sum:
    """The level at the end of the period's last day."""
    return _read(stock, Reading.AT_END)


def trailing(total: Sum, *, days: int) -> Sum:
    """What there was in so many days before the period's end."""
    return _read(total, Reading.TRAILING, days=days)


def before(total: Sum, *, days: int) -> Sum:
    """What there was in so many days before the period's start."""
    return _read(total, Reading.BEFORE, days=days)


def of_period(total: Sum, *, first: int | None = None, until: int | None = None) -> Sum:
    """What was said for exactly the period; of several bins those from `first` on."""
    return _read(binned(total, first=first, until=until), Reading.OF_PERIOD)


def elapsed_days(stock: Sum) -> Sum:
    """The level at the period's end, times that day's number."""
    return _read(stock, Reading.ELAPSED_DAYS)


def target(kind: MomentKind) -> Sum:
    """The target set for the period and scope, by moments of `kind` binned by months."""
    measure = Measure(kind=kind, aspect=Aspect.MONEY, binned=True)
    return Sum((Term(measure, 1, Reading.SCOPE_OF_PERIOD),))


def _sum(kind: MomentKind, aspect: Aspect) -> Sum:
    return Sum((Term(Measure(kind=kind, aspect=aspect)),))


def _priced(total: Sum, price: Price) -> Sum:
    return Sum(tuple(replace(t, measure=replace(t.measure, price=price)) for t in total.terms))


def _read(total: Sum, reading: Reading, *, days: int = 0) -> Sum:
    return Sum(tuple(replace(term, reading=reading, days=days) for term in total.terms))
