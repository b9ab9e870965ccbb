"""Measures over time: what there is of them before the first bound, and in each stretch after it.

Bounds are the days on which something that is asked for begins or ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import accumulate
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Whole = NDArray[np.int64]
"""Whole numbers. Of amounts, nine thousand of the largest that an event may name fit."""


_FAR_APART: Final = 65_536


class Span(NamedTuple):
    """The days from one bound until before another; from the first ever where there is none."""

    start: int | None
    end: int
    times: int = 1
    """What is read is so many times what there is in these days."""


class Series:
    """A measure over time, one number for each stretch. `places` numbers the bounds."""

    def __init__(self, places: Mapping[int, int]) -> None:
        self._places = places
        self.amounts = [0] * (len(places) + 1)

    @cached_property
    def _levels(self) -> Sequence[int]:
        """Added up; asked for when the amounts are complete."""
        return list(accumulate(self.amounts))

    def between(self, spans: Iterable[tuple[int, int]]) -> list[int]:
        """What the days from one bound until before another add up to, by their places."""
        levels = self._levels
        return [levels[end] - levels[start] for start, end in spans]

    def taken(self, span: Span) -> int:
        levels, places = self._levels, self._places
        before = 0 if span.start is None else levels[places[span.start]]
        return (levels[places[span.end]] - before) * span.times


class Histogram:
    """A binned measure over time: how much there is of each bin in each stretch.

    There can be thousands of bins in hundreds of stretches, so they are added side by side.
    """

    def __init__(self, places: Mapping[int, int]) -> None:
        self._places = places
        self._runs: list[tuple[int, Whole, Whole]] = []
        self._single: dict[tuple[int, int], int] = {}

    def add(self, stretch: int, bin_: int, amount: int) -> None:
        key = stretch, bin_
        self._single[key] = self._single.get(key, 0) + amount

    def add_run(self, stretch: int, bins: Whole, amounts: Whole) -> None:
        """Bins of one stretch with their amounts; a bin may come again."""
        self._runs.append((stretch, bins, amounts))

    @cached_property
    def _added_up(self) -> tuple[Whole, Whole]:
        """The bins in order, and their levels by bound with a row of nothing behind; asked for
        when all is added.
        """
        runs, single = self._runs, np.array(list(self._single), dtype=np.int64).reshape(-1, 2)
        stretches = np.repeat(
            np.array([stretch for stretch, _, _ in runs], dtype=np.int64),
            np.array([len(bins) for _, bins, _ in runs], dtype=np.int64),
        )
        bins, columns = _numbered(np.concatenate([*(bins for _, bins, _ in runs), single[:, 1]]))
        stretches = np.concatenate([stretches, single[:, 0]])
        amounts_of_single = np.array(list(self._single.values()), dtype=np.int64)
        amounts = np.concatenate([*(amounts for _, _, amounts in runs), amounts_of_single])
        levels = np.zeros((len(self._places) + 2, len(bins)), dtype=np.int64)
        np.add.at(levels.reshape(-1), stretches * len(bins) + columns, amounts)
        np.cumsum(levels[:-1], axis=0, out=levels[:-1])
        return bins, levels

    @property
    def bins(self) -> Whole:
        return self._added_up[0]

    def taken(self, spans: Sequence[Span]) -> Whole:
        """A row for each span: what there is of each bin in its days."""
        _, levels = self._added_up
        places, nothing = self._places, len(levels) - 1
        starts = [nothing if span.start is None else places[span.start] for span in spans]
        taken = levels[[places[span.end] for span in spans]] - levels[starts]
        return taken * np.array([[span.times] for span in spans], dtype=np.int64)


def _numbered(found: Whole) -> tuple[Whole, Whole]:
    """The different bins in order, and the place of each that was found among them."""
    if not len(found) or found.max() - found.min() > _FAR_APART:
        bins, places = np.unique(found, return_inverse=True)
        return bins, places
    # Mostly they are close together, and need not be sorted.
    lowest = found.min()
    seen = np.zeros(found.max() - lowest + 1, dtype=np.bool_)
    seen[found - lowest] = True
    return np.flatnonzero(seen) + lowest, (np.cumsum(seen) - 1)[found - lowest]
