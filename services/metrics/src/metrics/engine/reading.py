"""Reading: from sums to the values of a KPI.

Invariant: a value is a function of its own period's sums; undefined is null with a
reason, and 0 means zero.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Final, NamedTuple

import msgspec

from metrics.engine.calendar import Period, period_after
from metrics.engine.cohort import Funnel
from metrics.engine.expectation import Forecast
from metrics.engine.intervals import balance, wilson
from metrics.engine.kpi import Amount, Kpi, Quantile, Ratio
from metrics.engine.measure import COUNT_SCALE, Sum
from metrics.engine.quantiles import quantiles, quantiles_of_sketch
from metrics.engine.row import Reason, Row
from metrics.engine.sums import Known, Members, Spot, Sums
from metrics.engine.units import (
    all_counted,
    all_shown,
    counted,
    quotient,
    shown,
)

_VOTERS: Final = "voters"
"""Name of the sum of those for and against, of a KPI that is the balance of both."""


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
    mature = [_is_mature(kpi, period, known) for period in sums.periods]
    told = [
        _rows_of(
            kpi, _Told(sums, members, known, named, mature), percentile=percentile, whole=whole
        )
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
    mature: bool


class _Told(NamedTuple):
    """The sums of a KPI, by their names, for some members in all periods."""

    sums: Sums
    members: Members
    known: Known
    named: Mapping[str, Sum]
    mature: Sequence[bool]
    """Of each period: no fact dated later can still change it."""

    def column(self, name: str) -> Sequence[int | None]:
        """What a sum reads for each period."""
        return self.sums.read(self.named[name], self.members, self.known)

    def spots(self) -> Iterator[Spot]:
        for place in range(len(self.sums.periods)):
            yield Spot(self.sums, self.members, place, self.known)

    def lines(self) -> Iterator[_Line]:
        """Each sum is read for all periods at once."""
        sums, members, known, named, mature = self
        columns = [self.column(name) for name in named]
        for period, is_mature, *amounts in zip(sums.periods, mature, *columns, strict=True):
            told = dict(zip(named, amounts, strict=True))
            yield _Line(period, members, known, named, told, is_mature)


def _is_mature(kpi: Kpi, period: Period, known: Known) -> bool:
    rate = kpi.overall() if isinstance(kpi, Funnel) else kpi
    if not isinstance(rate, Ratio):
        return known.covers(period)
    matured_with = period_after(period, rate.matures_after_periods)
    return known.covers(matured_with, window_days=rate.matures_after_days)


def _rows_of(kpi: Kpi, told: _Told, *, percentile: int, whole: Sums | None) -> list[Row]:
    match kpi:
        case Amount():
            return list(_amounts(kpi, told))
        case Ratio():
            return [_ratio(kpi, line) for line in told.lines()]
        case Funnel():
            rate = kpi.overall()
            return [_ratio(rate, line) for line in told.lines()]
        case Quantile():
            return list(_quantiles(kpi, told, percentile))
        case Forecast():
            assert whole is not None
            return [_forecast(kpi, told.named, spot, whole=whole) for spot in told.spots()]
        case _:
            raise AssertionError(f"{kpi.id} is not read from sums")


def _amounts(kpi: Amount, told: _Told) -> Iterator[Row]:
    """There can be a hundred thousand of them."""
    silent_from = told.known.silent_from
    columns = zip(
        told.sums.periods,
        all_shown(told.named["numerator"], told.column("numerator")),
        all_counted(told.column("n")),
        all_counted(told.column("unpriced_count")),
        told.mature,
        strict=True,
    )
    for period, value, n, unpriced, mature in columns:
        empty = not (value or n or unpriced) and period.start >= silent_from
        yield Row(
            period=period,
            members=told.members,
            value=None if empty else value if kpi.divided_by == 1 else value / kpi.divided_by,
            numerator=value,
            denominator=None,
            n=n,
            interval=None,
            unpriced_count=unpriced,
            reason="incomplete" if empty else None,
            mature=mature,
        )


def _ratio(kpi: Ratio, line: _Line) -> Row:
    period, members, known, named, amounts, mature = line
    above, below = amounts["numerator"], amounts["denominator"]
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
        value = quotient(
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


def _quantiles(kpi: Quantile, told: _Told, percentile: int) -> Iterator[Row]:
    sums = told.sums
    values, counts = sums.by_bin(kpi.values.terms[0], told.members, told.known)
    read = quantiles_of_sketch if kpi.sketched else quantiles
    found = zip(
        sums.periods,
        all_counted(counts.sum(axis=1).tolist()),
        read(values, counts, percentile),
        [None] * len(sums.periods)
        if kpi.censored is None
        else all_counted(told.column("censored")),
        told.mature,
        strict=True,
    )
    for period, n, value, censored, mature in found:
        yield Row(
            period=period,
            members=told.members,
            value=value if n >= kpi.floor else None,
            numerator=None,
            denominator=None,
            n=n,
            interval=None,
            unpriced_count=0,
            reason="below_floor" if n < kpi.floor else None,
            mature=mature,
            censored=censored,
        )


def _forecast(kpi: Forecast, named: Mapping[str, Sum], spot: Spot, *, whole: Sums) -> Row:
    shares = shares_won(kpi, msgspec.structs.replace(spot, sums=whole, members=()))
    worth = sum(
        (money * shares(step) for step, money in spot.bins(kpi.open.terms[0]).items()), Fraction()
    )
    value = round(worth)
    n = counted(spot.read(named["n"]))
    unpriced = counted(spot.read(named["unpriced_count"]))
    empty = not (n or unpriced) and spot.period.start >= spot.known.silent_from
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
