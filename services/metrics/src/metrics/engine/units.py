"""Amounts as people are told them: counts in units, money in minor units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from metrics.engine.measure import COUNT_SCALE, Sum

Number = int | float


def shown(total: Sum, amount: int | None) -> Number | None:
    """The amount of a sum as people are told it."""
    if amount is None:
        return None
    return counted(amount) if total.is_count else amount


def counted(scaled: int | None) -> Number:
    """A count in units: whole where it is whole."""
    whole, rest = divmod(scaled or 0, COUNT_SCALE)
    return whole if rest == 0 else (scaled or 0) / COUNT_SCALE


def all_shown(total: Sum, amounts: Sequence[int | None]) -> Sequence[Number]:
    """Amounts of a sum; those that are not known are 0."""
    return all_counted(amounts) if total.is_count else [amount or 0 for amount in amounts]


def all_counted(scaled: Sequence[int | None]) -> Sequence[Number]:
    """Counts in units; many are of nothing at all."""
    return [counted(one) for one in scaled] if any(scaled) else [0] * len(scaled)


def quotient(named: Mapping[str, Sum], above: int, below: int, *, whole: bool) -> Number:
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
