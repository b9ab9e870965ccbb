"""Presences: that a fact said something at least once, however often it said it.

What distinct counts are made of: a user who is active twice on a day is one active
user, and one in each channel that it used. `days` is how long a presence lasts: for
one day it is counted on that day; for more it is a stock, which rises with the first
of overlapping stays and falls at the end of the last. So a rolling distinct count is
the level of a stock, exact under any late or voided fact.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from metrics.engine.dimension import DIMENSIONS, NUMBERS, Cut
from metrics.engine.moment import Moment, MomentKind

Members = tuple[str, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Presence(MomentKind):
    """Said by the engine, per fact, of the moments of another kind: see `presence`."""

    of: MomentKind
    days: int

    def turns(
        self,
        moments: Iterable[Moment],
        *,
        dimensions: Sequence[str],
        filters: Mapping[str, Sequence[str]] = {},
    ) -> Iterator[tuple[Members, int, int]]:
        """When one fact's presences begin (+1) and end (-1), for each of its members.

        Gives members along `dimensions`, day, sign.
        """
        days: dict[Members, set[int]] = {}
        for moment in moments:
            if moment.kind is self.of and _passes(moment.cut, filters):
                for members in product(*(_names(moment.cut, name, filters) for name in dimensions)):
                    days.setdefault(members, set()).add(moment.day)
        for members, of_members in days.items():
            if not self.stock:
                yield from ((members, day, 1) for day in of_members)
                continue
            for start, end in _stays(sorted(of_members), self.days):
                yield members, start, 1
                yield members, end, -1


def presence(name: str, *, of: MomentKind, days: int, dimensions: Sequence[str]) -> Presence:
    """How many facts were there: on each day, or within so many days before a point in time."""
    return Presence(
        name=name,
        cube=name,
        dimensions=tuple(dimensions),
        stock=days > 1,
        scoped=True,
        events=of.events,
        of=of,
        days=days,
    )


Presences = Mapping[MomentKind, Sequence[Presence]]
"""By the kind of moment that they are made of."""


def with_presences(moments: Sequence[Moment], presences: Presences) -> Sequence[Moment]:
    """What one fact says, and in total and for each single dimension where it was present."""
    kinds = dict.fromkeys(moment.kind for moment in moments if moment.kind in presences)
    if not kinds:
        return moments
    said = list(moments)
    for one in (one for kind in kinds for one in presences[kind]):
        for dimensions in ((), *((name,) for name in one.dimensions)):
            for members, day, sign in one.turns(moments, dimensions=dimensions):
                said.append(Moment(one, day, _cut(dimensions, members), sign))
    return said


def presences_near(
    changed: Sequence[Moment], moments: Sequence[Moment], presences: Presences
) -> list[Moment]:
    """The presences of one fact around some moments that were taken back or added.

    So far from what changed that before and after differ in nothing else: what is not told
    is the same in both, and so are the stays that this cuts off.
    """
    said: list[Moment] = []
    for kind in dict.fromkeys(moment.kind for moment in changed if moment.kind in presences):
        days = [moment.day for moment in changed if moment.kind is kind]
        reach = max(one.days for one in presences[kind])
        first, last = min(days) - reach, max(days) + reach
        near = [m for m in moments if m.kind is kind and first <= m.day <= last]
        said += with_presences(near, presences)[len(near) :]
    return said


def _cut(dimensions: Sequence[str], members: Members) -> Cut:
    named = dict(zip(dimensions, members, strict=True))
    return tuple(named.get(name) for name in DIMENSIONS)


def _passes(cut: Cut, filters: Mapping[str, Sequence[str]]) -> bool:
    return all(_names(cut, name, filters) for name in filters)


def _names(cut: Cut, dimension: str, filters: Mapping[str, Sequence[str]]) -> list[str]:
    """The members of a cut along a dimension that pass its filter."""
    member = cut[NUMBERS[dimension] - 1]
    if member is None:
        return []
    names = [member] if isinstance(member, str) else [name for name, _ in member]
    wanted = filters.get(dimension)
    return names if wanted is None else [name for name in names if name in wanted]


def _stays(days: Sequence[int], length: int) -> Iterator[tuple[int, int]]:
    """The union of the stretches that begin on the days and last so long."""
    start = end = None
    for day in days:
        if start is None or end is None:
            start = day
        elif day > end:
            yield start, end
            start = day
        end = day + length
    if start is not None and end is not None:
        yield start, end
