"""Measures over time: what there is of them before the first bound, and in each stretch after it.

Bounds are the days on which something that is asked for begins or ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Whole = NDArray[np.int64]
"""Whole numbers. Of amounts, nine thousand of the largest that an event may name fit."""


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
        """The bins in order, and their levels by bound; asked for when all is added."""
        runs = self._runs
        stretches = np.repeat(
            np.array([stretch for stretch, _, _ in runs], dtype=np.int64),
            np.array([len(bins) for _, bins, _ in runs], dtype=np.int64),
        )
        single = np.array(list(self._single), dtype=np.int64).reshape(-1, 2)
        amounts_of_single = np.array(list(self._single.values()), dtype=np.int64)
        found = np.concatenate([*(bins for _, bins, _ in runs), single[:, 1]])
        bins, columns = np.unique(found, return_inverse=True)
        levels = np.zeros((len(self._places) + 1, len(bins)), dtype=np.int64)
        np.add.at(
            levels,
            (np.concatenate([stretches, single[:, 0]]), columns),
            np.concatenate([*(amounts for _, _, amounts in runs), amounts_of_single]),
        )
        return bins, np.cumsum(levels, axis=0, out=levels)

    @property
    def bins(self) -> Whole:
        return self._added_up[0]

    def taken(self, spans: Sequence[Span]) -> Whole:
        """A row for each span: what there is of each bin in its days."""
        _, levels = self._added_up
        places = self._places
        taken = levels[[places[span.end] for span in spans]]
        for n, span in enumerate(spans):
            if span.start is not None:
                taken[n] -= levels[places[span.start]]
            taken[n] *= span.times
        return taken
