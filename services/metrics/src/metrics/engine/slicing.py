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


class Shares:
    """The parts of an amount that pass filters, with the members that they fall to."""

    def __init__(self, *, by: Sequence[str], filters: Filters) -> None:
        self._by, self._filters = by, filters
        self._asked = tuple(dict.fromkeys((*by, *filters)))
        self._places = [NUMBERS[name] - 1 for name in by]
        self._wanted = [(NUMBERS[name] - 1, set(members)) for name, members in filters.items()]

    def of(self, amount: int, moment: Moment) -> Sequence[tuple[tuple[str, ...], int]]:
        cut = moment.cut
        if moment.kind.scoped and _scope_of(cut) != set(self._asked):
            return ()
        # Mostly there is nothing to share, and this runs for every moment.
        for place, wanted in self._wanted:
            member = cut[place]
            if member not in wanted:
                is_shared = isinstance(member, tuple)
                return self._parts(amount, cut) if is_shared else ()
        members = tuple([cut[place] for place in self._places])
        return [(members, amount)] if _are_names(members) else self._parts(amount, cut)

    def _parts(self, amount: int, cut: Cut) -> list[tuple[tuple[str, ...], int]]:
        return [
            (tuple([members[dimension] for dimension in self._by]), share)
            for members, share in parts_of(amount, cut, by=self._asked)
            if all(members[name] in wanted for name, wanted in self._filters.items())
        ]


def _are_names(members: tuple[Member, ...]) -> TypeGuard[tuple[str, ...]]:
    return set(map(type, members)) <= {str}


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
