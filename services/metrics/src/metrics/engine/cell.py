"""Cells: sums of measures per cube, day, slice and bin.

A cell is a short vector, one place per measure of its cube: what happens to a
deal changes several measures of the same day and slice at once, and a written
row costs the database more than everything else that an event costs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from metrics.engine.dimension import Single, slices, split
from metrics.engine.measure import COUNT_SCALE, Aspect, Measure
from metrics.engine.moment import Moment, MomentKind, difference

WIDTH: Final = 8
"""Measures in one cell; a cube with more measures has several cells."""

NO_BIN: Final = 0

Page = tuple[int, int, int]
"""(cube, day, bin): what the cells of one moment share."""

Cells = dict[Page, dict[Single, list[int]]]
"""Page to slice to vector. Vectors of zeros may remain; they are the same as absent."""


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
    places: tuple[tuple[int, Aspect], ...]


class Layout:
    """Gives every measure its address. A pure function of the set of measures."""

    def __init__(self, measures: Iterable[Measure]) -> None:
        by_cube: dict[str, list[Measure]] = {}
        for measure in sorted(set(measures), key=lambda m: m.name):
            cube = measure.kind.cube + ("/bin" if measure.binned else "")
            by_cube.setdefault(cube, []).append(measure)
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

    def _placements(self) -> Mapping[MomentKind, tuple[Placement, ...]]:
        places: dict[MomentKind, dict[tuple[int, bool], list[tuple[int, Aspect]]]] = {}
        for measure, address in self.addresses.items():
            of_kind = places.setdefault(measure.kind, {})
            of_kind.setdefault((address.cube, measure.binned), []).append(
                (address.place, measure.aspect)
            )
        return {
            kind: tuple(Placement(cube, binned, tuple(p)) for (cube, binned), p in of_kind.items())
            for kind, of_kind in places.items()
        }


def add_moment(cells: Cells, moment: Moment, *, times: int, layout: Layout) -> None:
    """Add `times` (1 or -1) the moment to every cell that it contributes to."""
    for placement in layout.placements.get(moment.kind, ()):
        bin_ = NO_BIN
        if placement.binned:
            if moment.bin is None:
                continue
            bin_ = moment.bin
        vector = _vector(placement, moment, times * moment.sign)
        page = cells.setdefault((placement.cube, moment.day, bin_), {})
        singles, shared = slices(moment.cut, scoped=moment.kind.scoped)
        for single in singles:
            cell = page.get(single)
            if cell is None:
                cell = page[single] = [0] * WIDTH
            for place, amount in vector:
                cell[place] += amount
        for members, weights in shared:
            _share(page, vector, members=members, weights=weights)


def _vector(placement: Placement, moment: Moment, sign: int) -> list[tuple[int, int]]:
    vector = []
    for place, aspect in placement.places:
        if aspect is Aspect.COUNT:
            vector.append((place, sign * COUNT_SCALE))
        elif aspect is Aspect.MONEY:
            if moment.minor:
                vector.append((place, sign * moment.minor))
        elif moment.minor is None:
            vector.append((place, sign * COUNT_SCALE))
    return vector


def _share(
    page: dict[Single, list[int]],
    vector: Sequence[tuple[int, int]],
    *,
    members: Sequence[Single],
    weights: Sequence[int],
) -> None:
    for place, amount in vector:
        for single, part in zip(members, split(amount, weights), strict=True):
            cell = page.get(single)
            if cell is None:
                cell = page[single] = [0] * WIDTH
            cell[place] += part


def add_difference(
    cells: Cells, old: Sequence[Moment], new: Sequence[Moment], *, layout: Layout
) -> list[Moment]:
    """Add contributions(new) - contributions(old); returns the moments that changed."""
    removed, added = difference(old, new)
    for moment in removed:
        add_moment(cells, moment, times=-1, layout=layout)
    for moment in added:
        add_moment(cells, moment, times=1, layout=layout)
    removed.extend(added)
    return removed


def add_cells(cells: Cells, other: Cells) -> None:
    """Add every vector of `other` to `cells`."""
    for key, page in other.items():
        into = cells.setdefault(key, {})
        for single, vector in page.items():
            cell = into.get(single)
            if cell is None:
                into[single] = vector.copy()
            else:
                for place, amount in enumerate(vector):
                    cell[place] += amount
