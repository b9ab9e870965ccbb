"""Sums of measures over the periods of a question: what every value is read from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Final

import msgspec
import numpy as np

from metrics.engine.calendar import Period, period_of, working_days
from metrics.engine.company import DAY, Company
from metrics.engine.kpi import companions
from metrics.engine.measure import COUNT_SCALE, Measure, Reading, Sum, Term
from metrics.engine.series import Histogram, Series, Span, Whole

Members = tuple[str, ...]
"""One member for each dimension that an answer is broken down by."""

_LONG_AGO: Final = -(2**31)
"""Earlier than any day."""


@dataclass(frozen=True)
class Known:
    """How far the facts are known: until the watermark (microseconds), and without gaps or not.

    `outcomes_from` is the first day of which it is known what became of a cohort: of those that
    ended before it nobody can tell.
    """

    company: Company
    watermark: int | None
    complete: bool
    outcomes_from: int = _LONG_AGO

    @property
    def day(self) -> int | None:
        """The business day that is running; None when nothing is known yet."""
        return None if self.watermark is None else self.company.day(self.watermark)

    def covers(self, period: Period, *, window_days: int = 0) -> bool:
        """Whether the period is over, and so many times 24 hours after it."""
        end = self.company.start_of(period.end) + window_days * DAY
        return self.watermark is not None and end <= self.watermark

    @property
    def silent_from(self) -> int:
        """The first day from which no facts mean that nothing is known, not that nothing was."""
        day = self.day
        return _LONG_AGO if not self.complete or day is None else day + 1

    def end_of(self, period: Period) -> int:
        """The first day after the period, or after the day that is running in it."""
        day = self.day
        return period.end if day is None else max(period.start, min(period.end, day + 1))

    def prorated(self, goal: int, period: Period) -> int:
        """The part of a goal that the working days ask for: of a running period those until
        the watermark's day, of one that is cut short (to be compared with it) those it has.
        """
        day, whole = self.day, period_of(period.start, period.grain, period.first_month)
        running = day is not None and period.start <= day < period.end
        until = day + 1 if running and day is not None else period.end
        if until >= whole.end or not whole.working_days:
            return goal
        return goal * working_days(period.start, until) // whole.working_days

    def share_gone(self, period: Period) -> Fraction | None:
        """The share of a period's working days that have begun; None before its first day."""
        day = self.day
        if day is None or day < period.start:
            return None
        if day >= period.end - 1 or not period.working_days:
            return Fraction(1)
        return Fraction(working_days(period.start, day + 1), period.working_days)


def span_of(term: Term, period: Period, known: Known) -> Span:
    """The days of which a term reads for a period."""
    start, end = period.start, period.end
    match term.reading:
        case Reading.AT_START:
            return Span(None, start)
        case Reading.AT_END:
            return Span(None, end)
        case Reading.TRAILING:
            return Span(end - term.days, end)
        case Reading.BEFORE:
            return Span(start - term.days, start)
        case Reading.ELAPSED_DAYS:
            return Span(None, end, known.end_of(period))
        case _:
            return Span(start, end)


def bounds_of(periods: Sequence[Period], terms: Iterable[Term]) -> list[int]:
    """The days at which a reading of some terms over some periods begins or ends."""
    terms = list(terms)
    found = {day for period in periods for day in (period.start, period.end)}
    for days in {term.days for term in terms if term.reading is Reading.TRAILING}:
        found.update(period.end - days for period in periods)
    for days in {term.days for term in terms if term.reading is Reading.BEFORE}:
        found.update(period.start - days for period in periods)
    return sorted(found)


class Sums:
    """Series and histograms per measure and members. `bounds` cut time into stretches, of which
    0 is before the first bound and 1 begins with it.
    """

    def __init__(self, periods: Sequence[Period], bounds: Sequence[int]) -> None:
        self.periods = periods
        self.bounds = bounds
        self._places = {bound: place for place, bound in enumerate(bounds)}
        self._series: dict[Measure, dict[Members, Series]] = {}
        self._histograms: dict[Measure, dict[Members, Histogram]] = {}
        self.members: set[Members] = set()

    def add(
        self, measure: Measure, stretch: int, *, members: Members, bin_: int, amount: int
    ) -> None:
        if amount == 0:
            return
        if measure.binned:
            self._histogram_of(measure, members).add(stretch, bin_, amount)
        else:
            self.add_column(measure, stretch, members=(members,), amounts=(amount,))

    def add_column(
        self,
        measure: Measure,
        stretch: int,
        *,
        members: Iterable[Members | None],
        amounts: Iterable[int],
    ) -> None:
        """An amount for each members, side by side; of None they are left out."""
        of_measure = self._series.setdefault(measure, {})
        for one, amount in zip(members, amounts, strict=True):
            if not amount or one is None:
                continue
            series = of_measure.get(one)
            if series is None:
                series = of_measure[one] = Series(self._places)
                self.members.add(one)
            series.amounts[stretch] += amount

    def add_run(
        self, measure: Measure, stretch: int, *, members: Members, bins: Whole, amounts: Whole
    ) -> None:
        """What there is of each of some bins."""
        if amounts.any():
            self._histogram_of(measure, members).add_run(stretch, bins, amounts)

    def _histogram_of(self, measure: Measure, members: Members) -> Histogram:
        of_measure = self._histograms.setdefault(measure, {})
        histogram = of_measure.get(members)
        if histogram is None:
            histogram = of_measure[members] = Histogram(self._places)
            self.members.add(members)
        return histogram

    def read(self, total: Sum, members: Members, known: Known) -> Sequence[int | None]:
        """What a sum reads for each period; None where a target in it is not set."""
        if any(term.reading is Reading.SCOPE_OF_PERIOD for term in total.terms):
            places = range(len(self.periods))
            return [Spot(self, members, place, known).read(total) for place in places]
        column = [0] * len(self.periods)
        for term in total.terms:
            taken = self._taken(term, members, known)
            column = [amount + term.sign * part for amount, part in zip(column, taken, strict=True)]
        return column

    def _taken(self, term: Term, members: Members, known: Known) -> Sequence[int]:
        if term.measure.binned:
            _, amounts = self.by_bin(term, members, known)
            return amounts.sum(axis=1).tolist()  # type: ignore[no-any-return]
        series = self.series(term.measure, members)
        if series is None:
            return [0] * len(self.periods)
        if term.reading is Reading.DURING:
            return series.between(self._spans)
        return [series.taken(span_of(term, period, known)) for period in self.periods]

    @cached_property
    def _spans(self) -> Sequence[tuple[int, int]]:
        return [(self._places[p.start], self._places[p.end]) for p in self.periods]

    def series(self, measure: Measure, members: Members) -> Series | None:
        return self._series.get(measure, {}).get(members)

    def by_bin(
        self, term: Term, members: Members, known: Known, *, place: int | None = None
    ) -> tuple[Sequence[int], Whole]:
        """What a binned term reads: bins by their places, and a row of them for each period, or
        for that of one place.
        """
        periods = self.periods if place is None else self.periods[place : place + 1]
        histogram = self._histograms.get(term.measure, {}).get(members)
        if histogram is None:
            return (), np.zeros((len(periods), 0), dtype=np.int64)
        taken = histogram.taken([span_of(term, period, known) for period in periods])
        # All periods of a question are of one grain.
        grain = self.periods[0].grain
        places = [term.place_of(bin_, grain) for bin_ in histogram.bins.tolist()]
        chosen = [n for n, own in enumerate(places) if own is not None]
        if len(chosen) < len(places):
            taken = taken[:, chosen]
        return [own for own in places if own is not None], taken


class Spot(msgspec.Struct, frozen=True, gc=False):
    """One place in the sums: a period (by its place) and members."""

    sums: Sums
    members: Members
    place: int
    known: Known

    @property
    def period(self) -> Period:
        return self.sums.periods[self.place]

    def bins(self, term: Term) -> Mapping[int, int]:
        """What a binned term reads for the period, by place."""
        places, [row] = self.sums.by_bin(term, self.members, self.known, place=self.place)
        return {place: amount for place, amount in zip(places, row.tolist(), strict=True) if amount}

    def by_bin(self, total: Sum) -> Mapping[int, int]:
        """What the binned terms of a sum read for the period together."""
        found: dict[int, int] = {}
        for term in total.terms:
            for place, amount in self.bins(term).items():
                found[place] = found.get(place, 0) + term.sign * amount
        return found

    def read(self, total: Sum) -> int | None:
        """A sum for the period; None when a target in it is not set."""
        amount = 0
        for term in total.terms:
            if term.reading is Reading.SCOPE_OF_PERIOD:
                part = self.target_part(term.measure)
                if part is None:
                    return None
                amount += term.sign * self.target(term.measure, part)
            elif term.measure.binned:
                amount += term.sign * sum(self.bins(term).values())
            else:
                series = self.sums.series(term.measure, self.members)
                if series is not None:
                    span = span_of(term, self.period, self.known)
                    amount += term.sign * series.taken(span)
        return amount

    def target(self, measure: Measure, part: int) -> int:
        """The targets of periods of `part` months that lie here; prorated while the period runs."""
        return self.known.prorated(self.bins(Term(measure)).get(part, 0), self.period)

    def target_part(self, measure: Measure) -> int | None:
        """Which targets make up that of the period: those of the period itself (its length in
        months), else all of its quarters or months; None when they are not all set.
        """
        months = self.period.grain.months or 0
        count, unpriced = companions(measure)
        counts, unknown = self.bins(Term(count)), self.bins(Term(unpriced))
        for part in (12, 3, 1):
            needed = months // part
            found = counts.get(part, 0)
            if unknown.get(part) or not needed or not found:
                continue
            if needed == 1 or found == needed * COUNT_SCALE:
                return part
        return None
