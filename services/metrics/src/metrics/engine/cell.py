"""Cells: sums of measures per cube, day, slice and bin.

A cell is a short vector, one place per measure of its cube: what happens to a
deal changes several measures of the same day and slice at once, and a written
row costs the database more than everything else that an event costs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from metrics.engine.dimension import DIMENSIONS, Cut, split
from metrics.engine.measure import COUNT_SCALE, Aspect, Measure
from metrics.engine.moment import Moment, MomentKind
from metrics.engine.presence import Presence, Presences
from metrics.engine.selection import selections_among

WIDTH: Final = 8
"""Measures in one cell; a cube with more measures has several cells."""

NO_BIN: Final = 0

CellRow = tuple[Any, ...]
"""cube, dimension, day, member, bin, and the vector's numbers"""

_Slices = tuple[dict[str, list[int]], ...]
"""Vectors by member: at place 0 the total's, then those of each dimension."""


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

    def add(self, vector: list[int], *, times: int, minor: int | None) -> None:
        """Add a moment of this amount so many times."""
        count = times * COUNT_SCALE
        for place in self.counts:
            vector[place] += count
        if minor is None:
            for place in self.unpriced:
                vector[place] += count
        else:
            for place in self.moneys:
                vector[place] += times * minor


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
        self.presences = self._presences()
        self.selections = selections_among(self.kinds.values())

    def _presences(self) -> Presences:
        found: dict[MomentKind, list[Presence]] = {}
        for kind in self.placements:
            if isinstance(kind, Presence):
                found.setdefault(kind.of, []).append(kind)
        return found

    def _placements(self) -> Mapping[MomentKind, tuple[Placement, ...]]:
        measures: dict[MomentKind, dict[tuple[int, bool], list[Measure]]] = {}
        for measure, address in self.addresses.items():
            of_kind = measures.setdefault(measure.kind, {})
            of_kind.setdefault((address.cube, measure.binned), []).append(measure)
        return {
            kind: tuple(
                Placement(cube, binned, *(self._places(chunk, aspect) for aspect in Aspect))
                for (cube, binned), chunk in of_kind.items()
            )
            for kind, of_kind in measures.items()
        }

    def _places(self, measures: Iterable[Measure], aspect: Aspect) -> tuple[int, ...]:
        return tuple(self.addresses[m].place for m in measures if m.aspect is aspect)


class _Page:
    """What falls on one page, before it is sliced.

    `whole` sums vectors by cut: a deal that was created is open, too. `shared` keeps apart
    what several members share, since the shares of a sum would be rounded otherwise than
    the sum of shares.
    """

    __slots__ = ("scoped", "shared", "whole")

    def __init__(self, *, scoped: bool) -> None:
        self.scoped = scoped
        self.whole: dict[Cut, list[int]] = {}
        self.shared: list[tuple[Cut, list[int], int]] = []

    def add(self, moment: Moment, times: int, placement: Placement) -> None:
        cut, sign, minor = moment.cut, moment.sign, moment.minor
        vector = self.whole.get(cut)
        if vector is None:
            vector = self.whole[cut] = [0] * WIDTH
        placement.add(vector, times=times * sign, minor=minor)
        if tuple in map(type, cut):
            alone = [0] * WIDTH
            placement.add(alone, times=sign, minor=minor)
            self.shared.append((cut, alone, times))

    def slices(self) -> _Slices:
        slices: _Slices = tuple({} for _ in range(len(DIMENSIONS) + 1))
        for cut, vector in self.whole.items():
            amounts = [(place, amount) for place, amount in enumerate(vector) if amount]
            # A target of one team says nothing about the total.
            total = None if self.scoped and any(cut) else ""
            for by_member, member in zip(slices, (total, *cut), strict=True):
                if type(member) is not str:
                    continue
                cell = by_member.get(member)
                if cell is None:
                    by_member[member] = vector.copy()
                else:
                    for place, amount in amounts:
                        cell[place] += amount
        for cut, vector, times in self.shared:
            _share(slices, cut, vector, times=times)
        return slices


def cells_of(counted: Iterable[tuple[Moment, int]], *, layout: Layout) -> Iterator[CellRow]:
    """The cells that moments, each so many times, add up to; none that is zero, unordered."""
    # Page by page, so that what is summed together lies together in memory.
    for (cube, day, bin_), page in _pages(counted, layout).items():
        for dimension, by_member in enumerate(page.slices()):
            for member, vector in by_member.items():
                if any(vector):
                    yield cube, dimension, day, member, bin_, *vector


def _pages(
    counted: Iterable[tuple[Moment, int]], layout: Layout
) -> dict[tuple[int, int, int], _Page]:
    pages: dict[tuple[int, int, int], _Page] = {}
    for moment, times in counted:
        for placement in layout.placements.get(moment.kind, ()):
            bin_ = moment.bin if placement.binned else NO_BIN
            if bin_ is None:
                continue
            key = placement.cube, moment.day, bin_
            page = pages.get(key)
            if page is None:
                page = pages[key] = _Page(scoped=moment.kind.scoped)
            page.add(moment, times, placement)
    return pages


def _share(slices: _Slices, cut: Cut, vector: list[int], *, times: int) -> None:
    """Share one moment where there are several members."""
    for by_member, member in zip(slices[1:], cut, strict=True):
        if not isinstance(member, tuple):
            continue
        weights = [weight for _, weight in member]
        for place, amount in enumerate(vector):
            for (name, _), part in zip(member, split(amount, weights), strict=True):
                by_member.setdefault(name, [0] * WIDTH)[place] += times * part
