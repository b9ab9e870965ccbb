"""Cells: sums of measures per cube, day, slice and bin.

A cell is a short vector, one place per measure of its cube: what happens to a
deal changes several measures of the same day and slice at once, and a written
row costs the database more than everything else that an event costs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from metrics.engine.dimension import Cut, Single, has_shares, shared, slices, split
from metrics.engine.measure import COUNT_SCALE, Aspect, Measure
from metrics.engine.moment import Moment, MomentKind

WIDTH: Final = 8
"""Measures in one cell; a cube with more measures has several cells."""

NO_BIN: Final = 0

Page = tuple[int, int, int]
"""(cube, day, bin): what the cells of one moment share."""

CellRow = tuple[int, int, int, str, int, list[int]]
"""cube, dimension, day, member, bin, vector"""

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
        self.kinds = {kind.name: kind for kind in self.placements}

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


def add_moments(cells: Cells, counted: Iterable[tuple[Moment, int]], *, layout: Layout) -> None:
    """Add moments, each so many times, to every cell that they contribute to.

    What falls on one page with one cut (a deal that was created is open, too) is summed
    before it is sliced.
    """
    whole: dict[tuple[Page, Cut, bool], list[int]] = {}
    for moment, times in counted:
        for placement in layout.placements.get(moment.kind, ()):
            bin_ = moment.bin if placement.binned else NO_BIN
            if bin_ is None:
                continue
            page = placement.cube, moment.day, bin_
            key = page, moment.cut, moment.kind.scoped
            vector = whole.get(key)
            if vector is None:
                vector = whole[key] = [0] * WIDTH
            amounts = _amounts(placement, moment)
            for place, amount in amounts:
                vector[place] += times * amount
            if has_shares(moment.cut):
                _share(cells.setdefault(page, {}), moment.cut, amounts, times=times)
    for (page, cut, scoped), vector in whole.items():
        _add_vector(cells.setdefault(page, {}), slices(cut, scoped=scoped), vector)


def _amounts(placement: Placement, moment: Moment) -> list[tuple[int, int]]:
    """What a moment adds to which places."""
    amounts = []
    for place, aspect in placement.places:
        if aspect is Aspect.COUNT:
            amounts.append((place, moment.sign * COUNT_SCALE))
        elif aspect is Aspect.MONEY:
            if moment.minor:
                amounts.append((place, moment.sign * moment.minor))
        elif moment.minor is None:
            amounts.append((place, moment.sign * COUNT_SCALE))
    return amounts


def _add_vector(
    page: dict[Single, list[int]], singles: Sequence[Single], vector: list[int]
) -> None:
    amounts = [(place, amount) for place, amount in enumerate(vector) if amount]
    for single in singles:
        cell = page.get(single)
        if cell is None:
            page[single] = vector.copy()
        else:
            for place, amount in amounts:
                cell[place] += amount


def _share(
    page: dict[Single, list[int]], cut: Cut, amounts: Sequence[tuple[int, int]], *, times: int
) -> None:
    """Share one moment among several members; shares of a sum of moments would round otherwise."""
    for members, weights in shared(cut):
        for place, amount in amounts:
            for single, part in zip(members, split(amount, weights), strict=True):
                cell = page.get(single)
                if cell is None:
                    cell = page[single] = [0] * WIDTH
                cell[place] += times * part


def rows_of_cells(cells: Cells) -> Iterator[CellRow]:
    """The cells that are not zero, unordered."""
    for (cube, day, bin_), page in cells.items():
        for (dimension, member), vector in page.items():
            if any(vector):
                yield cube, dimension, day, member, bin_, vector
