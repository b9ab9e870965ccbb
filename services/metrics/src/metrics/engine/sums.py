"""Sums of measures over the periods of a question: what every value is read from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

from metrics.engine.calendar import Period, working_days
from metrics.engine.cell import Address, Layout
from metrics.engine.company import DAY, Company
from metrics.engine.kpi import companions
from metrics.engine.measure import COUNT_SCALE, Measure, Reading, Sum

Members = tuple[str, ...]
"""One member for each dimension that an answer is broken down by."""


@dataclass(frozen=True)
class Known:
    """How far the facts are known: until the watermark (microseconds), and without gaps or not."""

    company: Company
    watermark: int | None
    complete: bool

    @property
    def day(self) -> int | None:
        """The business day that is running; None when nothing is known yet."""
        return None if self.watermark is None else self.company.day(self.watermark)

    def covers(self, period: Period, *, window_days: int = 0) -> bool:
        """Whether the period is over, and so many times 24 hours after it."""
        end = self.company.start_of(period.end) + window_days * DAY
        return self.watermark is not None and end <= self.watermark

    def prorated(self, goal: int, period: Period) -> int:
        """The part of a goal that the working days until the watermark's day ask for."""
        day = self.day
        if day is None or day + 1 >= period.end or day < period.start:
            return goal
        whole = period.working_days
        return goal * working_days(period.start, day + 1) // whole if whole else goal


class Series:
    """A measure over time: one number for the days before the first period, then one a period."""

    def __init__(self, periods: int) -> None:
        self.amounts = [0] * (periods + 1)

    @cached_property
    def levels(self) -> Sequence[int]:
        """What all amounts so far add up to; asked for when the amounts are complete."""
        return list(accumulate(self.amounts))


class Sums:
    """Series per measure, members and bin."""

    def __init__(self, periods: Sequence[Period], layout: Layout) -> None:
        self.periods = periods
        self._layout = layout
        self._series: dict[tuple[Address, Members], dict[int, Series]] = {}
        self.members: set[Members] = set()

    def add(
        self, address: Address, bucket: int, *, members: Members, bin_: int, amount: int
    ) -> None:
        """`bucket` 0 is before the first period, 1 the first period."""
        if amount == 0:
            return
        self.members.add(members)
        bins = self._series.setdefault((address, members), {})
        series = bins.get(bin_)
        if series is None:
            series = bins[bin_] = Series(len(self.periods))
        series.amounts[bucket] += amount

    def by_bin(self, measure: Measure, members: Members) -> Mapping[int, Series]:
        return self._series.get((self._layout.addresses[measure], members), {})


@dataclass(frozen=True)
class Spot:
    """One place in the sums: a period (by its place) and members."""

    sums: Sums
    members: Members
    place: int
    known: Known

    @property
    def period(self) -> Period:
        return self.sums.periods[self.place]

    def bins(self, measure: Measure) -> Mapping[int, int]:
        """The histogram of the period."""
        here = self.place + 1
        by_bin = self.sums.by_bin(measure, self.members)
        return {bin_: s.amounts[here] for bin_, s in by_bin.items() if s.amounts[here]}

    def read(self, total: Sum) -> int | None:
        """A sum for the period; None when a target in it is not set."""
        amount = 0
        for term in total.terms:
            if term.reading is Reading.SCOPE_OF_PERIOD:
                part = self.target_part(term.measure)
                if part is None:
                    return None
                amount += term.sign * self.target(term.measure, part)
                continue
            for series in self.sums.by_bin(term.measure, self.members).values():
                amount += term.sign * self._taken(series, term.reading)
        return amount

    def target(self, measure: Measure, part: int) -> int:
        """The targets of periods of `part` months that lie here; prorated while the period runs."""
        return self.known.prorated(self.bins(measure).get(part, 0), self.period)

    def target_part(self, measure: Measure) -> int | None:
        """Which targets make up that of the period: those of the period itself (its length in
        months), else all of its quarters or months; None when they are not all set.
        """
        months = self.period.grain.months or 0
        count, unpriced = companions(measure)
        counts, unknown = self.bins(count), self.bins(unpriced)
        for part in (12, 3, 1):
            needed = months // part
            found = counts.get(part, 0)
            if unknown.get(part) or not needed or not found:
                continue
            if needed == 1 or found == needed * COUNT_SCALE:
                return part
        return None

    def _taken(self, series: Series, reading: Reading) -> int:
        match reading:
            case Reading.AT_START:
                return series.levels[self.place]
            case Reading.AT_END:
                return series.levels[self.place + 1]
            case _:
                return series.amounts[self.place + 1]
