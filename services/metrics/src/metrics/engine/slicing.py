"""Cutting single moments: what a question with several dimensions is answered from.

Gives the same shares as the cells do, since both split by the same rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeGuard

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
    asked = (*by, *filters)
    if moment.kind.scoped and _scope_of(moment.cut) != set(asked):
        return
    for members, share in parts_of(amount, moment.cut, by=asked):
        for name, wanted in filters.items():
            if members[name] not in wanted:
                break
        else:
            yield tuple([members[dimension] for dimension in by]), share


def passing(filters: Filters) -> Callable[[Cut], bool]:
    """Whether any part of what is cut so can pass filters."""
    asked = [(NUMBERS[name] - 1, frozenset(members)) for name, members in filters.items()]

    def passes(cut: Cut) -> bool:
        for place, wanted in asked:
            member = cut[place]
            if member is None or isinstance(member, str):
                if member not in wanted:
                    return False
            elif not any(name in wanted for name, _ in member):
                return False
        return True

    return passes


def parts_of(amount: int, cut: Cut, *, by: Sequence[str]) -> list[tuple[dict[str, str], int]]:
    """The parts of an amount by their members along some dimensions."""
    members_of = {name: cut[NUMBERS[name] - 1] for name in by}
    if _are_single(members_of):
        return [(members_of, amount)]
    parts, alone = _owned(amount, members_of)
    for dimension in alone:
        parts = [
            ({**members, dimension: name}, share)
            for members, whole in parts
            for name, share in _shared(whole, members_of[dimension])
        ]
    return parts


def _are_single(members_of: dict[str, Member]) -> TypeGuard[dict[str, str]]:
    """Whether there is nothing to share, as mostly. By sets, since it runs for every moment."""
    return set(map(type, members_of.values())) <= {str}


def _owned(
    amount: int, members_of: Mapping[str, Member]
) -> tuple[list[tuple[dict[str, str], int]], list[str]]:
    """The owners' parts of an amount with what goes with the owners, and what is left to be cut by.

    Where nothing that is asked for goes with them, all of it is one part.
    """
    going: dict[str, Parts] = {n: m for n, m in members_of.items() if isinstance(m, PerOwner)}
    if not going:
        return [({}, amount)], list(members_of)
    owners = members_of.get("owner")
    if isinstance(owners, tuple):
        going["owner"] = owners
    members = [dict(zip(going, of_owner, strict=True)) for of_owner in _names_of(going)]
    weights = [weight for _, weight in next(iter(going.values()))]
    parts = list(zip(members, split(amount, weights), strict=True))
    return parts, [name for name in members_of if name not in going]


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
