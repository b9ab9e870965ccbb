"""Reading: from sums of measures per period to the values of a KPI.

Invariant: a value is a function of its own period's sums; undefined is null with a
reason, and 0 means zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final, Literal

from metrics.engine.calendar import Period, working_days
from metrics.engine.cell import Address, Layout
from metrics.engine.company import DAY, Company
from metrics.engine.kpi import Amount, Kpi, Median, Ratio, companions
from metrics.engine.measure import COUNT_SCALE, Aspect, Measure, Reading, Sum

Reason = Literal["no_denominator", "immature", "incomplete", "no_target", "below_floor"]
Number = int | float

_Z95: Final = 1.959963984540054
"""Two-sided 95 % of the normal distribution, for Wilson's interval."""


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

    def covers(self, period: Period, window_days: int) -> bool:
        """Whether the period is over, and so many times 24 hours after it."""
        end = self.company.start_of(period.end) + window_days * DAY
        return self.watermark is not None and end <= self.watermark


@dataclass(frozen=True)
class Row:
    """A KPI's value for a period, and for a member when it is cut by a dimension.

    Counts are in units (an owner's share may be a fraction), money in base minor units.
    """

    period: Period
    member: str | None
    value: Number | None
    numerator: Number | None
    denominator: Number | None
    n: Number
    interval: tuple[float, float] | None
    unpriced_count: Number
    reason: Reason | None
    mature: bool


class Sums:
    """Sums per measure, member and bin: one number for the days before the first period,
    then one per period.
    """

    def __init__(self, periods: Sequence[Period], layout: Layout) -> None:
        self.periods = periods
        self._layout = layout
        self._series: dict[tuple[Address, str], dict[int, list[int]]] = {}
        self.members: set[str] = set()

    def add(self, address: Address, bucket: int, *, member: str, bin_: int, amount: int) -> None:
        """`bucket` 0 is before the first period, 1 the first period."""
        if amount == 0:
            return
        self.members.add(member)
        bins = self._series.setdefault((address, member), {})
        series = bins.get(bin_)
        if series is None:
            series = bins[bin_] = [0] * (len(self.periods) + 1)
        series[bucket] += amount

    def bins(self, measure: Measure, member: str, place: int) -> Mapping[int, int]:
        """The histogram of the period at `place`."""
        by_bin = self._series.get((self._layout.addresses[measure], member), {})
        return {bin_: series[place + 1] for bin_, series in by_bin.items() if series[place + 1]}

    def read(self, total: Sum, member: str, place: int, known: Known) -> int | None:
        """A sum for the period at `place`; None when a target in it is not set."""
        amount = 0
        for term in total.terms:
            if term.reading is Reading.SCOPE_OF_PERIOD:
                goal = self._target(term.measure, member, place, known)
                if goal is None:
                    return None
                amount += term.sign * goal
                continue
            by_bin = self._series.get((self._layout.addresses[term.measure], member), {})
            for series in by_bin.values():
                amount += term.sign * _taken(series, place, term.reading)
        return amount

    def _target(self, measure: Measure, member: str, place: int, known: Known) -> int | None:
        """The target set for exactly the period, or for all the parts of it; prorated while it runs."""
        months = self.periods[place].grain.months
        if months is None:
            return None
        count, unpriced = companions(measure)
        amounts = self.bins(measure, member, place)
        counts = self.bins(count, member, place)
        unknown = self.bins(unpriced, member, place)
        for part in (12, 3, 1):
            parts_needed = months // part
            if parts_needed == 0 or unknown.get(part):
                continue
            found = counts.get(part, 0)
            if found == parts_needed * COUNT_SCALE or (parts_needed == 1 and found):
                return _prorated(amounts.get(part, 0), self.periods[place], known)
        return None


def _taken(series: Sequence[int], place: int, reading: Reading) -> int:
    match reading:
        case Reading.AT_START:
            return sum(series[: place + 1])
        case Reading.AT_END:
            return sum(series[: place + 2])
        case _:
            return series[place + 1]


def _prorated(goal: int, period: Period, known: Known) -> int:
    """The part of a target that working days until the watermark's day ask for."""
    if known.day is None or known.day + 1 >= period.end or known.day < period.start:
        return goal
    whole = period.working_days
    return goal * working_days(period.start, known.day + 1) // whole if whole else goal


def rows_of(kpi: Kpi, sums: Sums, *, by: str | None, cut: str | None, known: Known) -> Iterable[Row]:
    """The values of every period, by member when `by` is given.

    `cut` is the dimension that the sums are cut or filtered by, which can change
    the facts that a ratio is made of.
    """
    members = sorted(sums.members) if by else [""]
    named = kpi.sums_by(cut)
    for place in range(len(sums.periods)):
        for member in members:
            match kpi:
                case Amount():
                    yield _amount(kpi, named, sums, (member, place, by), known)
                case Ratio():
                    yield _ratio(kpi, named, sums, (member, place, by), known)
                case Median():
                    yield _median(kpi, sums, (member, place, by), known)


Where = tuple[str, int, str | None]
"""Member, place of the period, and the dimension that the answer is cut by."""


def _amount(
    kpi: Amount, named: Mapping[str, Sum], sums: Sums, where: Where, known: Known
) -> Row:
    member, place, by = where
    value = sums.read(named["numerator"], member, place, known) or 0
    n = _counted(sums.read(named["n"], member, place, known))
    unpriced = _unpriced(named, sums, where, known)
    empty = not (value or n or unpriced) and not known.complete
    return Row(
        period=sums.periods[place],
        member=member if by else None,
        value=None if empty else value,
        numerator=value,
        denominator=None,
        n=n,
        interval=None,
        unpriced_count=unpriced,
        reason="incomplete" if empty else None,
        mature=known.covers(sums.periods[place], 0),
    )


def _ratio(kpi: Ratio, named: Mapping[str, Sum], sums: Sums, where: Where, known: Known) -> Row:
    member, place, by = where
    period = sums.periods[place]
    above = sums.read(named["numerator"], member, place, known)
    below = sums.read(named["denominator"], member, place, known)
    mature = known.covers(period, kpi.matures_after_days)
    reason: Reason | None = None
    if kpi.matures_after_days and not mature:
        reason = "immature"
    elif not below:
        reason = "no_target" if below is None else "no_denominator"
    value = None if reason or above is None or below is None else _quotient(named, above, below)
    numerator = _shown(named["numerator"], above)
    denominator = _shown(named["denominator"], below)
    return Row(
        period=period,
        member=member if by else None,
        value=value,
        numerator=numerator,
        denominator=denominator,
        n=_counted(sums.read(named["n"], member, place, known)),
        interval=_wilson(numerator, denominator) if kpi.rate and value is not None else None,
        unpriced_count=_unpriced(named, sums, where, known),
        reason=reason,
        mature=mature,
    )


def _median(kpi: Median, sums: Sums, where: Where, known: Known) -> Row:
    member, place, by = where
    bins = sums.bins(kpi.values.terms[0].measure, member, place)
    n = _counted(sum(bins.values()))
    enough = n >= kpi.floor
    return Row(
        period=sums.periods[place],
        member=member if by else None,
        value=median(bins) if enough else None,
        numerator=None,
        denominator=None,
        n=n,
        interval=None,
        unpriced_count=0,
        reason=None if enough else "below_floor",
        mature=known.covers(sums.periods[place], 0),
    )


def median(bins: Mapping[int, int]) -> Number | None:
    """The weighted median of a histogram; the mean of the two middle values at an exact half."""
    weight = sum(bins.values())
    if weight <= 0:
        return None
    lower: int | None = None
    seen = 0
    for value in sorted(bins):
        seen += bins[value]
        if lower is None and 2 * seen >= weight:
            lower = value
        if 2 * seen > weight:
            assert lower is not None
            middle = lower + value
            return middle // 2 if middle % 2 == 0 else middle / 2
    raise AssertionError("a histogram with weight has a middle")


def _quotient(named: Mapping[str, Sum], above: int, below: int) -> Number:
    if _is_count(named["denominator"]) and not _is_count(named["numerator"]):
        return _half_even(above * COUNT_SCALE, below)
    return above / below


def _half_even(above: int, below: int) -> int:
    """The quotient in whole minor units, a half to the even one."""
    quotient, rest = divmod(above, below)
    return quotient + (2 * rest > below or (2 * rest == below and quotient % 2 == 1))


def _wilson(successes: Number | None, trials: Number | None) -> tuple[float, float] | None:
    """Wilson's 95 % interval; None where a share exceeds 1 (work taken over from other members)."""
    if successes is None or trials is None or not 0 <= successes <= trials or trials == 0:
        return None
    share, square = successes / trials, _Z95 * _Z95
    middle = share + square / (2 * trials)
    reach = _Z95 * sqrt((share * (1 - share) + square / (4 * trials)) / trials)
    scale = 1 + square / trials
    return max(0.0, (middle - reach) / scale), min(1.0, (middle + reach) / scale)


def _unpriced(named: Mapping[str, Sum], sums: Sums, where: Where, known: Known) -> Number:
    member, place, _ = where
    # A moment that stands above and below the line is one fact.
    terms = {
        (term.measure, term.reading): term for total in named.values() for term in total.unpriced.terms
    }
    return _counted(sums.read(Sum(tuple(terms.values())), member, place, known))


def _is_count(total: Sum) -> bool:
    return all(term.measure.aspect is not Aspect.MONEY for term in total.terms)


def _shown(total: Sum, amount: int | None) -> Number | None:
    if amount is None:
        return None
    return _counted(amount) if _is_count(total) else amount


def _counted(scaled: int | None) -> Number:
    """A count in units: whole where it is whole."""
    whole, rest = divmod(scaled or 0, COUNT_SCALE)
    return whole if rest == 0 else (scaled or 0) / COUNT_SCALE
