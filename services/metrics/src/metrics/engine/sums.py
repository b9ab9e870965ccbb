"""Sums of measures over the periods of a question: what every value is read from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import accumulate

import msgspec

from metrics.engine.calendar import Period, period_of, working_days
from metrics.engine.company import DAY, Company
from metrics.engine.kpi import companions
from metrics.engine.measure import COUNT_SCALE, Measure, Reading, Sum, Term

Members = tuple[str, ...]
"""One member for each dimension that an answer is broken down by."""


@dataclass(frozen=True)
class Known:
    """How far the facts are known: until the watermark (microseconds), and without gaps or not.

    `outcomes_from` is the first day of which it is known what became of a cohort: of those that
    ended before it nobody can tell.
    """

    company: Company
    watermark: int | None
    complete: bool
    outcomes_from: int = -(2**31)

    @property
    def day(self) -> int | None:
        """The business day that is running; None when nothing is known yet."""
        return None if self.watermark is None else self.company.day(self.watermark)

    def covers(self, period: Period, *, window_days: int = 0) -> bool:
        """Whether the period is over, and so many times 24 hours after it."""
        end = self.company.start_of(period.end) + window_days * DAY
        return self.watermark is not None and end <= self.watermark

    def end_of(self, period: Period) -> int:
        """The first day after the period, or after the day that is running in it."""
        day = self.day
        return period.end if day is None else max(period.start, min(period.end, day + 1))

    def prorated(self, goal: int, period: Period) -> int:
        """The part of a goal that the working days ask for: of a running period those until
        the watermark's day, of one that is cut short (to be compared with it) those it has.
        """
        day, whole = self.day, period_of(period.start, period.grain)
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


class Series:
    """A measure over time: one number for the days before the first bound, then one for each
    stretch from a bound until the next. `places` numbers the bounds.
    """

    def __init__(self, places: Mapping[int, int]) -> None:
        self._places = places
        self.amounts = [0] * (len(places) + 1)

    @cached_property
    def _levels(self) -> Sequence[int]:
        """Added up; asked for when the amounts are complete."""
        return list(accumulate(self.amounts))

    def level(self, day: int) -> int:
        """What all days before a bound add up to."""
        return self._levels[self._places[day]]

    def between(self, spans: Iterable[tuple[int, int]]) -> list[int]:
        """What the days from one bound until before another add up to, by their places."""
        levels = self._levels
        return [levels[end] - levels[start] for start, end in spans]

    def taken(self, term: Term, period: Period, known: Known) -> int:
        """What a term reads of it for a period."""
        levels, places = self._levels, self._places
        start, end = period.start, period.end
        match term.reading:
            case Reading.AT_START:
                return levels[places[start]]
            case Reading.AT_END:
                return levels[places[end]]
            case Reading.TRAILING:
                return levels[places[end]] - levels[places[end - term.days]]
            case Reading.BEFORE:
                return levels[places[start]] - levels[places[start - term.days]]
            case Reading.ELAPSED_DAYS:
                return levels[places[end]] * known.end_of(period)
            case _:
                return levels[places[end]] - levels[places[start]]


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
    """Series per measure, members and bin. `bounds` cut time into stretches."""

    def __init__(self, periods: Sequence[Period], bounds: Sequence[int]) -> None:
        self.periods = periods
        self.bounds = bounds
        self._places = {bound: place for place, bound in enumerate(bounds)}
        self._spans = [(self._places[p.start], self._places[p.end]) for p in periods]
        self._series: dict[Measure, dict[Members, dict[int, Series]]] = {}
        self.members: set[Members] = set()

    def add(
        self, measure: Measure, stretch: int, *, members: Members, bin_: int, amount: int
    ) -> None:
        """`stretch` 0 is before the first bound, 1 begins with it."""
        if amount == 0:
            return
        of_measure = self._series.setdefault(measure, {})
        bins = of_measure.get(members)
        if bins is None:
            bins = of_measure[members] = {}
            self.members.add(members)
        series = bins.get(bin_)
        if series is None:
            series = bins[bin_] = Series(self._places)
        series.amounts[stretch] += amount

    def by_bin(self, measure: Measure, members: Members) -> Mapping[int, Series]:
        return self._series.get(measure, {}).get(members, {})

    def read(self, total: Sum, members: Members, known: Known) -> Sequence[int | None]:
        """What a sum reads for each period; None where a target in it is not set."""
        if any(term.measure.binned for term in total.terms):
            places = range(len(self.periods))
            return [Spot(self, members, place, known).read(total) for place in places]
        column = [0] * len(self.periods)
        for term in total.terms:
            for series in self.by_bin(term.measure, members).values():
                for place, part in enumerate(self._taken(series, term, known)):
                    column[place] += term.sign * part
        return column

    def _taken(self, series: Series, term: Term, known: Known) -> Sequence[int]:
        if term.reading is Reading.DURING:
            return series.between(self._spans)
        return [series.taken(term, period, known) for period in self.periods]


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
        found = {}
        for bin_, series in self.sums.by_bin(term.measure, self.members).items():
            place = term.place_of(bin_, self.period.grain)
            amount = 0 if place is None else series.taken(term, self.period, self.known)
            if place is not None and amount:
                found[place] = amount
        return found

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
                for series in self.sums.by_bin(term.measure, self.members).values():
                    amount += term.sign * series.taken(term, self.period, self.known)
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
