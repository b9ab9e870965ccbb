"""Cells: sums of measures per cube, day, slice and bin.

A cell is a short vector, one place per measure of its cube: what happens to a
deal changes several measures of the same day and slice at once. The cells of a cube,
dimension and day make a page: a written row costs the database more than everything
else that an event costs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from metrics.engine.calendar import first_of_month
from metrics.engine.dimension import (
    DIMENSIONS,
    NUMBERS,
    Crossing,
    Cut,
    in_order,
    joined,
    slice_number,
    split,
)
from metrics.engine.measure import COUNT_SCALE, Aspect, Measure
from metrics.engine.moment import Moment, MomentKind
from metrics.engine.presence import Presence, Presences
from metrics.engine.selection import selections_among
from metrics.engine.slicing import parts_of

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


Page = dict[int, dict[str, list[int]]]
"""The cells of one cube, day and dimension: vectors by bin and member."""


SheetKey = tuple[int, int]
"""Number of the cube, and day."""


class Sheet:
    """What moments add to the cells of one cube and day, before it is sliced.

    `whole` sums vectors by cut: a deal that was created is open, too. `shared` keeps apart
    what several members share, since the shares of a sum would be rounded otherwise than
    the sum of shares. A sheet is by each dimension, or by those of a crossing.
    """

    __slots__ = ("_crossing", "_shared", "_whole", "_width")

    def __init__(self, width: int, crossing: Crossing = ()) -> None:
        self._width = width
        self._crossing = tuple(tuple(in_order(dimensions)) for dimensions in crossing)
        self._whole: dict[tuple[int, int], _Whole] = {}
        self._shared: list[tuple[int, Cut, list[int], int]] = []

    def add(self, moment: Moment, times: int, *, bin_: int, placement: Placement) -> None:
        kind, _, cut, sign, minor, _ = moment
        # By identity: hashing ten names costs more than a cut that is met as two objects.
        whole = self._whole.get((bin_, id(cut)))
        if whole is None:
            whole = self._whole[bin_, id(cut)] = _Whole(bin_, cut, [0] * self._width, kind.scoped)
        placement.add(whole.vector, times=times * sign, minor=minor)
        if tuple in map(type, cut):
            alone = [0] * self._width
            placement.add(alone, times=sign, minor=minor)
            self._shared.append((bin_, cut, alone, times))

    @property
    def is_crossed(self) -> bool:
        """Whether it is of a whole month, by some dimensions only."""
        return bool(self._crossing)

    @property
    def numbers(self) -> Sequence[int]:
        """The numbers of the slices that there can be pages of."""
        if self._crossing:
            return [slice_number(dimensions) for dimensions in self._crossing]
        return range(len(DIMENSIONS) + 1)

    def pages(self) -> Iterable[tuple[int, Page]]:
        """A page for each slice by its number; some are empty, and some cells may be zero."""
        pages = self._crossed() if self._crossing else self._one_by_one()
        return zip(self.numbers, pages, strict=True)

    def _crossed(self) -> Iterator[Page]:
        for dimensions in self._crossing:
            page: Page = {}
            places = [NUMBERS[name] - 1 for name in dimensions]
            for bin_, cut, vector, _ in self._whole.values():
                members = [cut[place] for place in places]
                names = [member for member in members if type(member) is str]
                if len(names) == len(members):
                    _add(page, vector, bin_=bin_, member=joined(names))

            for bin_, cut, vector, times in self._shared:
                if any(type(cut[place]) is not str for place in places):
                    _share_crossed(page, cut, vector, bin_=bin_, times=times, by=dimensions)
            yield page

    def _one_by_one(self) -> list[Page]:
        pages: list[Page] = [{} for _ in range(len(DIMENSIONS) + 1)]
        for bin_, cut, vector, scoped in self._whole.values():
            # A target of one team says nothing about the total.
            total = None if scoped and any(cut) else ""
            for page, member in zip(pages, (total, *cut), strict=True):
                if type(member) is not str:
                    continue
                by_member = page.get(bin_)
                if by_member is None:
                    page[bin_] = {member: vector.copy()}
                    continue
                cell = by_member.get(member)
                if cell is None:
                    by_member[member] = vector.copy()
                else:
                    for place, amount in enumerate(vector):
                        cell[place] += amount
        for bin_, cut, vector, times in self._shared:
            _share(pages, cut, vector, bin_=bin_, times=times)
        return pages


class _Whole(NamedTuple):
    """What all moments of a cut and bin add up to."""

    bin_: int
    cut: Cut
    vector: list[int]
    scoped: bool


def sheets_of(counted: Iterable[tuple[Moment, int]], *, layout: Layout) -> dict[SheetKey, Sheet]:
    """What moments, each so many times, add to cells."""
    sheets: dict[SheetKey, Sheet] = {}
    for moment, times in counted:
        for placement in layout.placements.get(moment.kind, ()):
            bin_ = moment.bin if placement.binned else NO_BIN
            if bin_ is None:
                continue
            crossing = placement.crossing
            key = placement.cube, first_of_month(moment.day) if crossing else moment.day
            sheet = sheets.get(key)
            if sheet is None:
                sheet = sheets[key] = Sheet(len(layout.cubes[placement.cube]), crossing)
            sheet.add(moment, times, bin_=bin_, placement=placement)
    return sheets


def _add(page: Page, vector: list[int], *, bin_: int, member: str) -> None:
    by_member = page.setdefault(bin_, {})
    cell = by_member.get(member)
    if cell is None:
        by_member[member] = vector.copy()
        return
    for place, amount in enumerate(vector):
        cell[place] += amount


def _share_crossed(
    page: Page,
    cut: Cut,
    vector: Sequence[int],
    *,
    bin_: int,
    times: int,
    by: Sequence[str],
) -> None:
    """Share one moment along dimensions of which at least one has several members."""
    for place, amount in enumerate(vector):
        for members, part in parts_of(amount, cut, by=by):
            by_member = page.setdefault(bin_, {})
            cell = by_member.setdefault(joined([members[n] for n in by]), [0] * len(vector))
            cell[place] += times * part


def _share(
    pages: Sequence[Page], cut: Cut, vector: Sequence[int], *, bin_: int, times: int
) -> None:
    """Share one moment where there are several members."""
    for page, member in zip(pages[1:], cut, strict=True):
        if not isinstance(member, tuple):
            continue
        by_member = page.setdefault(bin_, {})
        weights = [weight for _, weight in member]
        for place, amount in enumerate(vector):
            for (name, _), part in zip(member, split(amount, weights), strict=True):
                by_member.setdefault(name, [0] * len(vector))[place] += times * part
