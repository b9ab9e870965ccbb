"""Reading: from sums to the values of a KPI.

Invariant: a value is a function of its own period's sums; undefined is null with a
reason, and 0 means zero.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final, Literal

from metrics.engine.calendar import Period
from metrics.engine.kpi import Amount, Kpi, Median, Ratio
from metrics.engine.measure import COUNT_SCALE, Aspect, Sum
from metrics.engine.sums import Known, Members, Spot, Sums

Reason = Literal["no_denominator", "immature", "incomplete", "no_target", "below_floor"]
Number = int | float

_Z95: Final = 1.959963984540054
"""Two-sided 95 % of the normal distribution, for Wilson's interval."""


@dataclass(frozen=True)
class Row:
    """A KPI's value for a period, and for members when it is broken down.

    Counts are in units (an owner's share may be a fraction), money in base minor units.
    """

    period: Period
    members: Members
    value: Number | None
    numerator: Number | None
    denominator: Number | None
    n: Number
    interval: tuple[float, float] | None
    unpriced_count: Number
    reason: Reason | None
    mature: bool


def rows_of(
    kpi: Kpi, sums: Sums, *, by: Sequence[str], filtered: Collection[str], known: Known
) -> Iterator[Row]:
    """The values of every period, for all members that the sums hold, or in total.

    `filtered` dimensions are those that the sums are limited by.
    """
    named = dict(kpi.sums_by({*by, *filtered}))
    named["unpriced_count"] = unpriced_of(named)
    members_told = sorted(sums.members) if by else [()]
    for place in range(len(sums.periods)):
        for members in members_told:
            spot = Spot(sums, members, place, known)
            match kpi:
                case Amount():
                    yield _amount(named, spot)
                case Ratio():
                    yield _ratio(kpi, named, spot)
                case Median():
                    yield _median(kpi, spot)


def _amount(named: Mapping[str, Sum], spot: Spot) -> Row:
    value = spot.read(named["numerator"]) or 0
    n = counted(spot.read(named["n"]))
    unpriced = counted(spot.read(named["unpriced_count"]))
    empty = not (value or n or unpriced) and not spot.known.complete
    return Row(
        period=spot.period,
        members=spot.members,
        value=None if empty else value,
        numerator=value,
        denominator=None,
        n=n,
        interval=None,
        unpriced_count=unpriced,
        reason="incomplete" if empty else None,
        mature=spot.known.covers(spot.period),
    )


def _ratio(kpi: Ratio, named: Mapping[str, Sum], spot: Spot) -> Row:
    above, below = spot.read(named["numerator"]), spot.read(named["denominator"])
    mature = spot.known.covers(spot.period, window_days=kpi.matures_after_days)
    reason: Reason | None = None
    if kpi.matures_after_days and not mature:
        reason = "immature"
    elif not below:
        reason = "no_target" if below is None else "no_denominator"
    value = None
    if above is not None and below and reason is None:
        value = _quotient(named, above, below)
    numerator = shown(named["numerator"], above)
    denominator = shown(named["denominator"], below)
    return Row(
        period=spot.period,
        members=spot.members,
        value=value,
        numerator=numerator,
        denominator=denominator,
        n=counted(spot.read(named["n"])),
        interval=_wilson(numerator, denominator) if kpi.rate and value is not None else None,
        unpriced_count=counted(spot.read(named["unpriced_count"])),
        reason=reason,
        mature=mature,
    )


def _median(kpi: Median, spot: Spot) -> Row:
    bins = spot.bins(kpi.values.terms[0].measure)
    n = counted(sum(bins.values()))
    enough = n >= kpi.floor
    return Row(
        period=spot.period,
        members=spot.members,
        value=median(bins) if enough else None,
        numerator=None,
        denominator=None,
        n=n,
        interval=None,
        unpriced_count=0,
        reason=None if enough else "below_floor",
        mature=spot.known.covers(spot.period),
    )


def median(bins: Mapping[int, int]) -> Number | None:
    """The weighted median of a histogram; the mean of the two middle values at an exact half."""
    weight = sum(bins.values())
    lower: int | None = None
    seen = 0
    for value in sorted(bins):
        seen += bins[value]
        if lower is None and 2 * seen >= weight:
            lower = value
        if lower is not None and 2 * seen > weight:
            middle = lower + value
            return middle // 2 if middle % 2 == 0 else middle / 2
    return None


def _quotient(named: Mapping[str, Sum], above: int, below: int) -> Number:
    if is_count(named["denominator"]) and not is_count(named["numerator"]):
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


def unpriced_of(named: Mapping[str, Sum]) -> Sum:
    """What could not be priced behind a value; above and below the line it is one fact."""
    terms = (term for total in named.values() for term in total.unpriced.terms)
    return Sum(tuple({(term.measure, term.reading): term for term in terms}.values()))


def is_count(total: Sum) -> bool:
    """Whether the sum counts things, and is no money."""
    return all(term.measure.aspect is not Aspect.MONEY for term in total.terms)


def shown(total: Sum, amount: int | None) -> Number | None:
    """The amount of a sum as people are told it."""
    if amount is None:
        return None
    return counted(amount) if is_count(total) else amount


def counted(scaled: int | None) -> Number:
    """A count in units: whole where it is whole."""
    whole, rest = divmod(scaled or 0, COUNT_SCALE)
    return whole if rest == 0 else (scaled or 0) / COUNT_SCALE
