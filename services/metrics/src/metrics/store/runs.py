"""Cells in runs: those of one member follow each other by their bins, and can be added up at once.

A page of a month is kept so: [members, lengths of their runs, bins, columns], where bins and
each column are whole numbers side by side, of as many bytes as the largest of them needs, or
nil where all are 0.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import accumulate, groupby, pairwise
from operator import itemgetter
from typing import Final, NamedTuple

import msgspec
import numpy as np

from metrics.engine.series import Whole
from metrics.store.pages import Cell, Columns

_WIDTHS: Final = (1, 2, 4, 8)


class Runs(NamedTuple):
    """Bins and amounts of members; those of each begin where those of the one before end."""

    members: Sequence[str]
    lengths: Sequence[int]
    bins: Whole
    amounts: Sequence[Whole]

    def each(self) -> Iterator[tuple[str, slice]]:
        """Members with their places in bins and amounts."""
        ends = pairwise(accumulate(self.lengths, initial=0))
        return zip(self.members, (slice(*end) for end in ends), strict=True)


class _Kept(msgspec.Struct, frozen=True, array_like=True, gc=False):
    members: list[str]
    lengths: list[int]
    bins: bytes | None
    columns: list[bytes | None]


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(_Kept).decode


def packed_runs(cells: Iterable[Cell]) -> bytes:
    """Cells, each of another member or bin, as they are kept; there must be some."""
    ordered = sorted(cells, key=itemgetter(0, 1))
    _, bins, *columns = zip(*ordered, strict=True)
    lengths = {member: len(list(run)) for member, run in groupby(ordered, key=itemgetter(0))}
    return _encode(
        _Kept(list(lengths), list(lengths.values()), _packed(bins), [_packed(c) for c in columns])
    )


def _packed(numbers: Sequence[int]) -> bytes | None:
    if not any(numbers):
        return None
    most = max(*numbers, -min(numbers) - 1)
    width = next(width for width in _WIDTHS if most < 1 << (8 * width - 1))
    return np.array(numbers, dtype=f"<i{width}").tobytes()


def _unpacked(numbers: bytes | None, count: int) -> Whole:
    if numbers is None:
        return np.zeros(count, dtype=np.int64)
    return np.frombuffer(numbers, dtype=f"<i{len(numbers) // count}").astype(np.int64)


def runs_in(body: bytes, places: Sequence[int]) -> Runs:
    """Some places of the cells of a kept page."""
    kept = _decode(body)
    count = sum(kept.lengths)
    amounts = [_unpacked(kept.columns[place], count) for place in places]
    return Runs(kept.members, kept.lengths, _unpacked(kept.bins, count), amounts)


def columns_in_runs(
    body: bytes, places: Sequence[int], *, members: Collection[str] | None = None
) -> Columns:
    """The same where each member has but one cell, as columns; or those of some members."""
    names, _, bins, amounts = runs_in(body, places)
    if members is not None:
        chosen = [place for place, name in enumerate(names) if name in members]
        names, bins = [names[place] for place in chosen], bins[chosen]
        amounts = [column[chosen] for column in amounts]
    return Columns(names, bins.tolist(), [column.tolist() for column in amounts])


def runs_of(pages: Iterable[Columns]) -> Runs:
    """The cells of several pages in runs; a bin may come several times in one."""
    members: list[str] = []
    bins: list[int] = []
    amounts: list[list[int]] = []
    for page in pages:
        members += page.members
        bins += page.bins
        amounts = amounts or [[] for _ in page.amounts]
        for column, more in zip(amounts, page.amounts, strict=True):
            column.extend(more)
    numbers: dict[str, int] = {}
    named = [numbers.setdefault(member, len(numbers)) for member in members]
    of_cells = np.array(named, dtype=np.int64)
    order = np.argsort(of_cells, kind="stable")
    return Runs(
        list(numbers),
        np.bincount(of_cells, minlength=len(numbers)).tolist(),
        np.array(bins, dtype=np.int64)[order],
        [np.array(column, dtype=np.int64)[order] for column in amounts],
    )
