"""Pricing at read time: quantities times what one was worth on the day."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping

from metrics.engine.dimension import NUMBERS
from metrics.engine.measure import COUNT_SCALE, Aspect, Measure, Price
from metrics.engine.moment import Moment, MomentKind


class Prices:
    """The prices in force on every day, by kind of moment and member."""

    def __init__(
        self, moments: Iterable[Moment] = (), *, along: Mapping[MomentKind, str] = {}
    ) -> None:
        changes: dict[tuple[MomentKind, str], dict[int, list[int]]] = {}
        for kind, day, cut, sign, minor, _ in moments:
            member = cut[NUMBERS[along[kind]] - 1] if kind in along else None
            if not isinstance(member, str):
                continue
            change = changes.setdefault((kind, member), {}).setdefault(day, [0, 0, 0])
            change[0] += sign
            change[1] += 0 if minor is None else sign
            change[2] += sign * (minor or 0)
        self._levels = {key: _levels(by_day) for key, by_day in changes.items()}

    def on(self, price: Price, member: str, day: int) -> int | None:
        """The price of a day; None when there was none, or it is not known in base currency."""
        days, levels = self._levels.get((price.kind, member), ((), ()))
        place = bisect_right(days, day) - 1
        return None if place < 0 else levels[place]

    def amount(self, measure: Measure, quantity: int, *, member: str, day: int) -> int:
        """What a priced measure makes of a quantity on a day."""
        assert measure.price is not None
        price = self.on(measure.price, member, day)
        if measure.price.counts:
            return 0 if price is None else quantity
        if measure.aspect is Aspect.UNPRICED:
            return quantity if price is None else 0
        if price is None:
            return 0
        return quantity * price // (COUNT_SCALE if measure.aspect is Aspect.COUNT else 1)


def _levels(
    by_day: Mapping[int, list[int]],
) -> tuple[tuple[int, ...], tuple[int | None, ...]]:
    """Days of change and the price from each on."""
    there = priced = total = 0
    days, levels = [], []
    for day in sorted(by_day):
        change = by_day[day]
        there, priced, total = there + change[0], priced + change[1], total + change[2]
        days.append(day)
        levels.append(total if there and priced == there else None)
    return tuple(days), tuple(levels)
