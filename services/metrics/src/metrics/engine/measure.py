"""Measures: what is summed about a kind of moment, and sums of them.

Counts are in ten-thousandths, so that an owner's weight in basis points is a
whole number. Every measure is an element of an abelian group (sums of integers,
also per bin), which is what lets late and corrected facts be taken back exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from metrics.engine.moment import MomentKind

COUNT_SCALE: Final = 10_000


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
    SCOPE_OF_PERIOD = "scope_of_period"
    """A target: the value set for exactly this period and scope, prorated while it runs."""


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One number of a cell. `binned` measures are kept apart by the moment's bin."""

    kind: MomentKind
    aspect: Aspect
    binned: bool = False

    @property
    def name(self) -> str:
        return f"{self.kind.name}:{self.aspect.value}{'/bin' if self.binned else ''}"


@dataclass(frozen=True)
class Term:
    """A measure as it enters a formula."""

    measure: Measure
    sign: int = 1
    reading: Reading = Reading.DURING


@dataclass(frozen=True)
class Sum:
    """A sum of terms; `Count(WON) + Count(LOST)` reads as it is meant."""

    terms: tuple[Term, ...]

    def __add__(self, other: Sum) -> Sum:
        return Sum(self.terms + other.terms)

    def __sub__(self, other: Sum) -> Sum:
        taken = (Term(term.measure, -term.sign, term.reading) for term in other.terms)
        return Sum((*self.terms, *taken))

    @property
    def unpriced(self) -> Sum:
        """How many moments behind the money of this sum had no rate or amount."""
        return Sum(
            tuple(
                Term(Measure(kind=term.measure.kind, aspect=Aspect.UNPRICED), 1, term.reading)
                for term in self.terms
                if term.measure.aspect is Aspect.MONEY
                and term.reading is not Reading.SCOPE_OF_PERIOD
            )
        )


def Count(kind: MomentKind) -> Sum:  # noqa: N802 - reads as a noun in declarations
    """How many moments of the kind; a stock changes by their signs."""
    return _sum(kind, Aspect.COUNT)


def Money(kind: MomentKind) -> Sum:  # noqa: N802
    """Their amounts in base minor units; the unpriced ones add nothing."""
    return _sum(kind, Aspect.MONEY)


def Unpriced(kind: MomentKind) -> Sum:  # noqa: N802
    """How many of them had no amount in base currency."""
    return _sum(kind, Aspect.UNPRICED)


def Histogram(kind: MomentKind) -> Sum:  # noqa: N802
    """How many moments there are for each value of their bin."""
    return Sum((Term(Measure(kind=kind, aspect=Aspect.COUNT, binned=True)),))


def at_start(stock: Sum) -> Sum:
    """The level just before the period's first day."""
    return _read(stock, Reading.AT_START)


def at_end(stock: Sum) -> Sum:
    """The level at the end of the period's last day."""
    return _read(stock, Reading.AT_END)


def target(kind: MomentKind) -> Sum:
    """The target set for the period and scope, by moments of `kind` binned by months."""
    measure = Measure(kind=kind, aspect=Aspect.MONEY, binned=True)
    return Sum((Term(measure, 1, Reading.SCOPE_OF_PERIOD),))


def _sum(kind: MomentKind, aspect: Aspect) -> Sum:
    return Sum((Term(Measure(kind=kind, aspect=aspect)),))


def _read(stock: Sum, reading: Reading) -> Sum:
    return Sum(tuple(Term(term.measure, term.sign, reading) for term in stock.terms))
