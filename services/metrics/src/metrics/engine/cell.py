"""Cells: sums of measures per cube, day, slice and bin.

A cell is a short vector, one place per measure of its cube: what happens to a
deal changes several measures of the same day and slice at once. The cells of a cube,
dimension and day make a page: a written row costs the database more than everything
else that an event costs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from metrics.engine.dimension import Crossing
from metrics.engine.measure import Aspect, Measure
from metrics.engine.moment import MomentKind
from metrics.engine.presence import Presence, Presences
from metrics.engine.selection import selections_among

WIDTH: Final = 8
"""Measures in one cell; a cube with more measures has several cells."""

NO_BIN: Final = 0


@dataclass(frozen=True)
class Address:
    """Where a measure is kept: number of the cube, place in its vectors."""

    cube: int
    place: int


@dataclass(frozen=True)
class Placement:
    """Measures of one kind of moment that go into the same cell."""

    cube: int
    binned: bool
    counts: tuple[int, ...]
    """Places of measures that count moments; of those that sum money; that count the unpriced."""
    moneys: tuple[int, ...]
    unpriced: tuple[int, ...]
    crossing: Crossing = ()
    """See `Measure`."""


class Layout:
    """Gives every measure its address. A pure function of the set of measures."""

    def __init__(self, measures: Iterable[Measure]) -> None:
        by_cube: dict[str, list[Measure]] = {}
        for measure in sorted(set(measures), key=lambda m: m.name):
            by_cube.setdefault(measure.kind.cube + measure.apart, []).append(measure)
        self.addresses: dict[Measure, Address] = {}
        self.cubes: list[tuple[str, ...]] = []
        for cube in sorted(by_cube):
            members = by_cube[cube]
            for first in range(0, len(members), WIDTH):
                number = len(self.cubes)
                chunk = members[first : first + WIDTH]
                self.cubes.append(tuple(measure.name for measure in chunk))
                for place, measure in enumerate(chunk):
                    self.addresses[measure] = Address(number, place)
        self.placements = self._placements()
        placed = [one for of_kind in self.placements.values() for one in of_kind]
        self.crossed = frozenset(one.cube for one in placed if one.crossing)
        """Cubes that are kept by months, and by days not at all."""
        self.kinds = {kind.name: kind for kind in self.placements}
        self.presences = self._presences()
        self.selections = selections_among(self.kinds.values())

    def _presences(self) -> Presences:
        found: dict[MomentKind, list[Presence]] = {}
        for kind in self.placements:
            if isinstance(kind, Presence):
                found.setdefault(kind.of, []).append(kind)
        return found

    def _placements(self) -> Mapping[MomentKind, tuple[Placement, ...]]:
        measures: dict[MomentKind, dict[tuple[int, bool, Crossing], list[Measure]]] = {}
        for measure, address in self.addresses.items():
            of_kind = measures.setdefault(measure.kind, {})
            place = address.cube, measure.binned, measure.crossing
            of_kind.setdefault(place, []).append(measure)
        return {
            kind: tuple(
                Placement(
                    cube,
                    binned,
                    self._places(chunk, Aspect.COUNT),
                    self._places(chunk, Aspect.MONEY),
                    self._places(chunk, Aspect.UNPRICED),
                    crossing,
                )
                for (cube, binned, crossing), chunk in of_kind.items()
            )
            for kind, of_kind in measures.items()
        }

    def _places(self, measures: Iterable[Measure], aspect: Aspect) -> tuple[int, ...]:
        return tuple(self.addresses[m].place for m in measures if m.aspect is aspect)


class PageKey(NamedTuple):
    """Which cells make a page: those of a cube, of a slice by its number, and of a day."""

    cube: int
    dimension: int
    day: int


class Page(NamedTuple):
    """Cells side by side: a column of amounts for each place of their vectors."""

    members: Sequence[str]
    bins: Sequence[int]
    columns: Sequence[Sequence[int]]
