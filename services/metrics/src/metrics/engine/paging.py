"""From changes to pages of cells: the changes of a cube side by side, sliced all at once.

An event adds to a hundred cells before they meet, each of which takes most of a microsecond
in Python and a tenth of that in a sorted column. What several members share is shared change
by change, as in `slicing`: the shares of a sum would be rounded otherwise than the sum of shares.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from metrics.engine.calendar import first_of_month
from metrics.engine.cell import NO_BIN, Layout, Page, PageKey, Placement
from metrics.engine.changes import Batch, Columns
from metrics.engine.dimension import (
    DIMENSIONS,
    Crossing,
    Cut,
    Member,
    in_order,
    joined,
    slice_number,
)
from metrics.engine.measure import COUNT_SCALE
from metrics.engine.moment import MomentKind
from metrics.engine.slicing import parts_of

Numbers = NDArray[np.int64]
Amounts = NDArray[Any]
"""A row for each change: 64 bits, or Python's own numbers where these might not hold a sum."""

_NOWHERE: Final = -1
"""In the place of a member where a change cannot be cut by the dimensions."""
_SHARED: Final = -2
_MOST: Final = 2.0**59
"""Of one kind's sums, so that those of all kinds of a cube keep within 64 bits."""
_EACH: Final[Crossing] = ((), *((name,) for name in DIMENSIONS))


def pages_of(batches: Iterable[Batch], *, layout: Layout) -> Iterator[tuple[PageKey, Page]]:
    """What changes add to cells, page by page. No page is empty, and no cell is zero."""
    cuts, said = _joined(batches)
    slices = _Slices(cuts)
    crossings: dict[int, Crossing] = {}
    cubes: dict[int, list[_Changes]] = {}
    for kind, columns in said.items():
        for placement in layout.placements.get(kind, ()):
            width = len(layout.cubes[placement.cube])
            placed = _placed(columns, kind=kind, placement=placement, width=width)
            cubes.setdefault(placement.cube, []).append(placed)
            crossings[placement.cube] = placement.crossing
    for number, chunks in cubes.items():
        together = _Changes._make(map(np.concatenate, zip(*chunks, strict=True)))
        cube = _Cube(together, slices)
        for dimensions in crossings[number] or _EACH:
            dimension = slice_number(dimensions)
            for day, page in cube.pages(dimensions):
                yield PageKey(number, dimension, day), page


def _joined(batches: Iterable[Batch]) -> tuple[Sequence[Cut], Mapping[MomentKind, Columns]]:
    """All changes by kind, their cuts numbered anew."""
    cuts: list[Cut] = []
    said: dict[MomentKind, Columns] = {}
    for batch in batches:
        for kind, columns in batch.said.items():
            known = said.setdefault(kind, Columns([], [], [], [], [], []))
            known.times.extend(columns.times)
            known.days.extend(columns.days)
            known.minors.extend(columns.minors)
            known.bins.extend(columns.bins)
            known.cuts.extend([len(cuts) + number for number in columns.cuts])
        cuts += batch.cuts
    return cuts, said


class _Members(NamedTuple):
    """The members of one slice as numbers: of names, and of each cut the number of its own."""

    dimensions: Sequence[str]
    numbers: dict[str, int]
    of_cuts: Numbers


class _Slices:
    """The slices of some cuts."""

    def __init__(self, cuts: Sequence[Cut]) -> None:
        self.cuts = cuts
        self.named = np.array([sum(map(bool, cut)) for cut in cuts], dtype=np.int64)
        """By how many dimensions each cut says something."""
        total = _Members((), {"": 0}, np.zeros(len(cuts), dtype=np.int64))
        self._known: dict[tuple[str, ...], _Members] = {(): total}
        for place, name in enumerate(DIMENSIONS):
            self._known[name,] = _along(name, [cut[place] for cut in cuts])

    def by(self, dimensions: Sequence[str]) -> _Members:
        asked = tuple(in_order(dimensions))
        known = self._known.get(asked)
        if known is None:
            known = self._known[asked] = _crossed(*(self._known[name,] for name in asked))
        return known


def _along(dimension: str, column: Sequence[Member]) -> _Members:
    numbers: dict[str, int] = {}
    of_members: dict[Member, int] = {None: _NOWHERE}
    for member in dict.fromkeys(column):
        if isinstance(member, str):
            of_members[member] = numbers.setdefault(member, len(numbers))
        elif member is not None:
            of_members[member] = _SHARED
    of_cuts = np.array([of_members[member] for member in column], dtype=np.int64)
    return _Members((dimension,), numbers, of_cuts)


def _crossed(first: _Members, second: _Members) -> _Members:
    firsts, seconds = list(first.numbers), list(second.numbers)
    nowhere = (first.of_cuts == _NOWHERE) | (second.of_cuts == _NOWHERE)
    of_cuts = np.where(nowhere, _NOWHERE, _SHARED)
    single = (first.of_cuts >= 0) & (second.of_cuts >= 0)
    pairs = first.of_cuts[single] * len(seconds) + second.of_cuts[single]
    different, of_cuts[single] = np.unique(pairs, return_inverse=True)
    names = [joined((firsts[n // len(seconds)], seconds[n % len(seconds)])) for n in different]
    numbers = {name: number for number, name in enumerate(names)}
    return _Members((*first.dimensions, *second.dimensions), numbers, of_cuts)


class _Changes(NamedTuple):
    """Changes of one cube, side by side."""

    days: Numbers
    bins: Numbers
    cuts: Numbers
    times: Numbers
    amounts: Amounts
    """What each adds to a cell when it is said once."""
    scoped: NDArray[np.bool_]


def _placed(columns: Columns, *, kind: MomentKind, placement: Placement, width: int) -> _Changes:
    """The changes of a kind, as they count in one of its cubes."""
    days, bins, binned = columns.days, columns.bins, placement.binned
    times = np.array(columns.times, dtype=np.int64)
    changes = _Changes(
        _months(days) if placement.crossing else np.array(days, dtype=np.int64),
        np.array([bin_ or NO_BIN for bin_ in bins] if binned else [NO_BIN] * len(days)),
        np.array(columns.cuts, dtype=np.int64),
        times,
        _amounts(columns.minors, times, placement=placement, width=width),
        np.full(len(days), kind.scoped),
    )
    if not binned or None not in bins:
        return changes
    # What is not fit to be counted in a histogram is not.
    fit = np.array([bin_ is not None for bin_ in bins])
    return _Changes._make(column[fit] for column in changes)


def _amounts(
    minors: Sequence[int | None], times: Numbers, *, placement: Placement, width: int
) -> Amounts:
    values = np.array([minor or 0 for minor in minors])
    most = (float(np.abs(values).max()) + COUNT_SCALE) * float(np.abs(times).sum())
    amounts = np.zeros((len(minors), width), dtype=np.int64 if most < _MOST else object)
    amounts[:, placement.counts] = COUNT_SCALE
    amounts[:, placement.moneys] = values[:, None]
    if placement.unpriced and None in minors:
        unpriced = np.array([minor is None for minor in minors])
        amounts[:, placement.unpriced] = unpriced[:, None] * COUNT_SCALE
    return amounts


def _months(days: Sequence[int]) -> Numbers:
    different, places = np.unique(np.array(days, dtype=np.int64), return_inverse=True)
    return np.array([first_of_month(day) for day in different.tolist()], dtype=np.int64)[places]


class _Cube:
    """The changes of one cube, ready to be sliced."""

    def __init__(self, changes: _Changes, slices: _Slices) -> None:
        self._changes = changes
        self._slices = slices
        self._days, days = np.unique(changes.days, return_inverse=True)
        self._bins, bins = np.unique(changes.bins, return_inverse=True)
        self._places = days * len(self._bins) + bins

    def pages(self, dimensions: Sequence[str]) -> Iterator[tuple[int, Page]]:
        members = self._slices.by(dimensions)
        numbers = members.of_cuts[self._changes.cuts]
        if self._changes.scoped.any():
            # A target of one team says nothing about the total, nor that of a product in it
            # about the team.
            narrower = self._slices.named[self._changes.cuts] > len(dimensions)
            numbers[self._changes.scoped & narrower] = _NOWHERE
        single = numbers >= 0
        parts = _Parts(
            self._places[single],
            numbers[single],
            self._changes.amounts[single] * self._changes.times[single, None],
        )
        shared = np.flatnonzero(numbers == _SHARED)
        if len(shared):
            parts = self._with_shares(parts, shared, members)
        if len(parts.places):
            yield from self._summed(parts, list(members.numbers))

    def _with_shares(self, parts: _Parts, shared: Numbers, members: _Members) -> _Parts:
        """With changes of which each is shared alone."""
        places, numbers, vectors = [], [], []
        for place in shared.tolist():
            cut = self._slices.cuts[self._changes.cuts[place]]
            times = int(self._changes.times[place])
            amounts = self._changes.amounts[place].tolist()
            shares = [parts_of(amount, cut, by=members.dimensions) for amount in amounts]
            for share in zip(*shares, strict=True):
                name = joined([share[0][0][dimension] for dimension in members.dimensions])
                places.append(place)
                numbers.append(members.numbers.setdefault(name, len(members.numbers)))
                vectors.append([times * amount for _, amount in share])
        dtype = parts.vectors.dtype
        return _Parts(
            np.concatenate((parts.places, self._places[places])),
            np.concatenate((parts.members, np.array(numbers, dtype=np.int64))),
            np.concatenate((parts.vectors, np.array(vectors, dtype=dtype))),
        )

    def _summed(self, parts: _Parts, names: Sequence[str]) -> Iterator[tuple[int, Page]]:
        # Of days, bins and members there are no more than changes: all three keep within 64 bits.
        keys = parts.places * len(names) + parts.members
        order = np.argsort(keys)
        keys = keys[order]
        first = np.flatnonzero(np.diff(keys, prepend=-1))
        sums = np.add.reduceat(parts.vectors[order], first, axis=0)
        left = (sums != 0).any(axis=1)
        places, of_member = np.divmod(keys[first][left], len(names))
        of_day, of_bin = np.divmod(places, len(self._bins))
        members = [names[number] for number in of_member.tolist()]
        bins, columns = self._bins[of_bin].tolist(), sums[left].T.tolist()
        borders = np.flatnonzero(np.diff(of_day, prepend=-1, append=-1))
        days = self._days[of_day[borders[:-1]]].tolist()
        for day, (start, end) in zip(days, pairwise(borders.tolist()), strict=True):
            of_columns = [column[start:end] for column in columns]
            yield day, Page(members[start:end], bins[start:end], of_columns)


class _Parts(NamedTuple):
    """What changes add to cells of one slice, several to the same one perhaps."""

    places: Numbers
    """Numbers of day and bin."""
    members: Numbers
    vectors: Amounts
