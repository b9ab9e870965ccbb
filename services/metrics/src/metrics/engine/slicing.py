"""Cutting single moments: what a question with several dimensions is answered from.

Gives the same shares as the cells do, since both split by the same rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from metrics.engine.dimension import NUMBERS, Cut, Member, Parts, PerOwner, split
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
    for members, share in parts_of(amount, moment.cut, by=asked):
        if all(members[name] in wanted for name, wanted in filters.items()):
            yield tuple(members[dimension] for dimension in by), share


def parts_of(amount: int, cut: Cut, *, by: Sequence[str]) -> list[tuple[dict[str, str], int]]:
    """The parts of an amount by their members along some dimensions."""
    parts, alone = _owned(amount, cut, by)
    for dimension in alone:
        member = cut[NUMBERS[dimension] - 1]
        parts = [
            ({**members, dimension: name}, share)
            for members, whole in parts
            for name, share in _shared(whole, member)
        ]
    return parts


def _owned(
    amount: int, cut: Cut, asked: Sequence[str]
) -> tuple[list[tuple[dict[str, str], int]], list[str]]:
    """The owners' parts of an amount with what goes with the owners, and what is left to be cut by.

    Where nothing that is asked for goes with them, all of it is one part.
    """
    members_of = {name: cut[NUMBERS[name] - 1] for name in asked}
    going: dict[str, Parts] = {n: m for n, m in members_of.items() if isinstance(m, PerOwner)}
    if not going:
        return [({}, amount)], list(asked)
    owners = members_of.get("owner")
    if isinstance(owners, tuple):
        going["owner"] = owners
    members = [dict(zip(going, of_owner, strict=True)) for of_owner in _names_of(going)]
    weights = [weight for _, weight in next(iter(going.values()))]
    parts = list(zip(members, split(amount, weights), strict=True))
    return parts, [name for name in asked if name not in going]


def _names_of(going: Mapping[str, Parts]) -> Iterator[tuple[str, ...]]:
    """For each owner the members of all that goes with him."""
    return zip(*([name for name, _ in member] for member in going.values()), strict=True)


def _shared(amount: int, member: Member) -> Iterator[tuple[str, int]]:
    if isinstance(member, str):
        yield member, amount
    elif member is not None:
        names = [name for name, _ in member]
        yield from zip(names, split(amount, [weight for _, weight in member]), strict=True)


def _scope_of(cut: Cut) -> set[str]:
    return {name for name, number in NUMBERS.items() if cut[number - 1] is not None}
