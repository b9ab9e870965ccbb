"""Reading: from sums to the values of a KPI.

Invariant: a value is a function of its own period's sums; undefined is null with a
reason, and 0 means zero.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Final, Literal, NamedTuple

import msgspec

from metrics.engine.calendar import Period, period_after
from metrics.engine.intervals import balance, wilson
from metrics.engine.kpi import Amount, Forecast, Funnel, Kpi, Quantile, Ratio
from metrics.engine.measure import COUNT_SCALE, Sum
from metrics.engine.quantiles import quantile, quantile_of_sketch
from metrics.engine.sums import Known, Members, Spot, Sums

Reason = Literal[
    "no_denominator",
    "immature",
    "not_covered",
    "incomplete",
    "no_target",
    "below_floor",
    "holdout_error",
]
Number = int | float

_VOTERS: Final = "voters"
"""Name of the sum of those for and against, of a KPI that is the balance of both."""


class Row(msgspec.Struct, frozen=True, kw_only=True, gc=False):
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
    censored: Number | None = None
    """Of a quantile: how many have no value yet."""
    shrunken: float | None = None
    """Of a rate broken down: drawn towards what the members have in common."""

    @property
    def speaks(self) -> bool:
        """Whether there is anything behind it, be it something without a price."""
        return bool(self.n or self.numerator or self.denominator or self.unpriced_count)


def rows_of(
    kpi: Kpi,
    sums: Sums,
    *,
    by: Sequence[str],
    filtered: Collection[str],
    known: Known,
    percentile: int = 50,
    whole: Sums | None = None,
) -> Iterator[Row]:
    """The values of every period, for all members that the sums hold, or in total.

    `filtered` dimensions are those that the sums are limited by. `whole` are the company's
    sums, where a forecast needs them.
    """
    named = dict(kpi.sums_by({*by, *filtered}))
    named["unpriced_count"] = unpriced_of(named)
    if isinstance(kpi, Ratio) and kpi.balance:
        named[_VOTERS] = Sum(tuple(replace(term, sign=1) for term in named["numerator"].terms))
    told = [
        _rows_of(kpi, _Told(sums, members, known, named), percentile=percentile, whole=whole)
        for members in (sorted(sums.members) if by else [()])
    ]
    for of_period in zip(*told, strict=True):
        yield from of_period


class _Line(NamedTuple):
    """What the sums of a KPI, by their names, read for a period and members."""

    period: Period
    members: Members
    known: Known
    named: Mapping[str, Sum]
    amounts: Mapping[str, int | None]


class _Told(NamedTuple):
    """The sums of a KPI, by their names, for some members in all periods."""

    sums: Sums
    members: Members
    known: Known
    named: Mapping[str, Sum]

    def spots(self) -> Iterator[Spot]:
        for place in range(len(self.sums.periods)):
            yield Spot(self.sums, self.members, place, self.known)

    def lines(self) -> Iterator[_Line]:
        """Each sum is read for all periods at once."""
        sums, members, known, named = self
        columns = [sums.read(total, members, known) for total in named.values()]
        for period, *amounts in zip(sums.periods, *columns, strict=True):
            yield _Line(period, members, known, named, dict(zip(named, amounts, strict=True)))


def _rows_of(kpi: Kpi, told: _Told, *, percentile: int, whole: Sums | None) -> list[Row]:
    match kpi:
        case Amount():
            return [_amount(kpi, line) for line in told.lines()]
        case Ratio():
            return [_ratio(kpi, line) for line in told.lines()]
        case Funnel():
            rate = kpi.overall()
            return [_ratio(rate, line) for line in told.lines()]
        case Quantile():
            return [_quantile(kpi, spot, percentile) for spot in told.spots()]
        case Forecast():
            assert whole is not None
            return [_forecast(kpi, told.named, spot, whole=whole) for spot in told.spots()]
        case _:
            raise AssertionError(f"{kpi.id} is not read from sums")


def _amount(kpi: Amount, line: _Line) -> Row:
    period, members, known, named, amounts = line
    value = shown(named["numerator"], amounts["numerator"]) or 0
    n = counted(amounts["n"])
    unpriced = counted(amounts["unpriced_count"])
    empty = not (value or n or unpriced) and not known.complete
    return Row(
        period=period,
        members=members,
        value=None if empty else value if kpi.divided_by == 1 else value / kpi.divided_by,
        numerator=value,
        denominator=None,
        n=n,
        interval=None,
        unpriced_count=unpriced,
        reason="incomplete" if empty else None,
        mature=known.covers(period),
    )


def _ratio(kpi: Ratio, line: _Line) -> Row:
    period, members, known, named, amounts = line
    above, below = amounts["numerator"], amounts["denominator"]
    matured_with = period_after(period, kpi.matures_after_periods)
    mature = known.covers(matured_with, window_days=kpi.matures_after_days)
    n = counted(amounts["n"])
    reason: Reason | None = None
    if kpi.matures and not mature:
        reason = "immature"
    elif period.end <= known.outcomes_from:
        reason = "not_covered"
    elif not below:
        reason = kpi.unset if below is None else "no_denominator"
    elif n < kpi.floor:
        reason = "below_floor"
    value = None
    if above is not None and below and reason is None:
        value = _quotient(
            named, kpi.times * above, kpi.divided_by * below, whole=kpi.unit == "money"
        )
    numerator = shown(named["numerator"], above)
    denominator = shown(named["denominator"], below)
    return Row(
        period=period,
        members=members,
        value=value,
        numerator=numerator,
        denominator=denominator,
        n=n,
        interval=None if value is None else _interval(kpi, line),
        unpriced_count=counted(amounts["unpriced_count"]),
        reason=reason,
        mature=mature,
    )


def _quantile(kpi: Quantile, spot: Spot, percentile: int) -> Row:
    bins = spot.bins(kpi.values.terms[0])
    n = counted(sum(bins.values()))
    value: Number | None = None
    if n >= kpi.floor:
        value = quantile_of_sketch(bins, percentile) if kpi.sketched else quantile(bins, percentile)
    return Row(
        period=spot.period,
        members=spot.members,
        value=value,
        numerator=None,
        denominator=None,
        n=n,
        interval=None,
        unpriced_count=0,
        reason="below_floor" if n < kpi.floor else None,
        mature=spot.known.covers(spot.period),
        censored=None if kpi.censored is None else counted(spot.read(kpi.censored)),
    )


def _forecast(kpi: Forecast, named: Mapping[str, Sum], spot: Spot, *, whole: Sums) -> Row:
    shares = shares_won(kpi, msgspec.structs.replace(spot, sums=whole, members=()))
    worth = sum(
        (money * shares(step) for step, money in spot.bins(kpi.open.terms[0]).items()), Fraction()
    )
    value = round(worth)
    n = counted(spot.read(named["n"]))
    unpriced = counted(spot.read(named["unpriced_count"]))
    empty = not (n or unpriced) and not spot.known.complete
    return Row(
        period=spot.period,
        members=spot.members,
        value=None if empty else value,
        numerator=spot.read(named["numerator"]) or 0,
        denominator=None,
        n=n,
        interval=None,
        unpriced_count=unpriced,
        reason="incomplete" if empty else None,
        mature=spot.known.covers(spot.period),
    )


def shares_won(kpi: Forecast, company: Spot) -> Callable[[int], Fraction]:
    """The share of each step's deals that are won, shrunk towards that of all."""
    won, decided = (company.by_bin(total) for total in (kpi.won, kpi.decided))
    all_decided = sum(decided.values())
    overall = Fraction(sum(won.values()), all_decided) if all_decided else Fraction()
    weight = kpi.weight * COUNT_SCALE

    def share(step: int) -> Fraction:
        return (won.get(step, 0) + weight * overall) / (decided.get(step, 0) + weight)

    return share


def _quotient(named: Mapping[str, Sum], above: int, below: int, *, whole: bool) -> Number:
    """Amounts for each thing are told in `whole` minor units where they are money."""
    if named["denominator"].is_count and not named["numerator"].is_count:
        above *= COUNT_SCALE
        if whole:
            return _half_even(above, below)
    return above / below


def _half_even(above: int, below: int) -> int:
    """The quotient in whole minor units, a half to the even one."""
    quotient, rest = divmod(above, below)
    return quotient + (2 * rest > below or (2 * rest == below and quotient % 2 == 1))


def _interval(kpi: Ratio, line: _Line) -> tuple[float, float] | None:
    named, amounts = line.named, line.amounts
    above, below = amounts["numerator"], amounts["denominator"]
    if above is None or not below:
        return None
    interval = None
    if kpi.rate:
        # A mean of the shares of so many is at least as sure as one share of as many.
        successes = (shown(named["numerator"], above) or 0) / kpi.divided_by
        interval = wilson(successes, shown(named["denominator"], below))
    elif kpi.balance:
        voting = (amounts[_VOTERS] or 0) / below
        interval = balance(above / below, voting, n=below / COUNT_SCALE)
    return None if interval is None else (kpi.times * interval[0], kpi.times * interval[1])


def unpriced_of(named: Mapping[str, Sum]) -> Sum:
    """What could not be priced behind a value; above and below the line it is one fact."""
    terms = (term for total in named.values() for term in total.unpriced.terms)
    return Sum(tuple({replace(term, sign=1): term for term in terms}.values()))


def shown(total: Sum, amount: int | None) -> Number | None:
    """The amount of a sum as people are told it."""
    if amount is None:
        return None
    return counted(amount) if total.is_count else amount


def counted(scaled: int | None) -> Number:
    """A count in units: whole where it is whole."""
    whole, rest = divmod(scaled or 0, COUNT_SCALE)
    return whole if rest == 0 else (scaled or 0) / COUNT_SCALE
