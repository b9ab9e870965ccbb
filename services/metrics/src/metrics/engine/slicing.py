"""Cutting single moments: what a question with several dimensions is answered from.

Gives the same shares as the cells do, since both split by the same rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from metrics.engine.dimension import NUMBERS, Cut, Member, split
from metrics.engine.measure import COUNT_SCALE, Aspect, Measure
from metrics.engine.moment import Moment

Filters = Mapping[str, Sequence[str]]


def amount_of(measure: Measure, moment: Moment) -> int:
    """What one moment adds to a measure in total."""
    match measure.aspect:
        case Aspect.COUNT:
            return moment.sign * COUNT_SCALE
        case Aspect.MONEY:
            return moment.sign * (moment.minor or 0)
        case Aspect.UNPRICED:
            return moment.sign * COUNT_SCALE if moment.minor is None else 0


def shares(
    amount: int, moment: Moment, *, by: Sequence[str], filters: Filters
) -> Iterator[tuple[tuple[str, ...], int]]:
    """The parts of an amount that pass the filters, with the members that they fall to."""
    asked = list(dict.fromkeys((*by, *filters)))
    if moment.kind.scoped and _scope_of(moment.cut) != set(asked):
        return
    parts: list[tuple[dict[str, str], int]] = [({}, amount)]
    for dimension in asked:
        member = moment.cut[NUMBERS[dimension] - 1]
        wanted = filters.get(dimension)
        parts = [
            ({**members, dimension: name}, share)
            for members, whole in parts
            for name, share in _shared(whole, member)
            if wanted is None or name in wanted
        ]
    for members, share in parts:
        yield tuple(members[dimension] for dimension in by), share


def _shared(amount: int, member: Member) -> Iterator[tuple[str, int]]:
    if isinstance(member, str):
        yield member, amount
    elif member is not None:
        names = [name for name, _ in member]
        yield from zip(names, split(amount, [weight for _, weight in member]), strict=True)


def _scope_of(cut: Cut) -> set[str]:
    return {name for name, number in NUMBERS.items() if cut[number - 1] is not None}
