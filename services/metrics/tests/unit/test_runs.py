"""Cells of a month in runs: what is read of them is what was kept, whichever way."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from metrics.engine.quantiles import quantile, quantiles
from metrics.engine.series import Histogram, Series, Span
from metrics.store.pages import Columns
from metrics.store.runs import columns_in_runs, packed_runs, runs_in, runs_of

MEMBERS = st.sampled_from(["", "ann", "张伟", "zoë"])
BINS = st.integers(-3, 70_000)
AMOUNTS = st.one_of(st.integers(-(2**62), 2**62), st.integers(-130, 130))
CELLS = st.dictionaries(
    st.tuples(MEMBERS, BINS), st.tuples(AMOUNTS, st.sampled_from([0, 1, -128])), min_size=1
)
NUMBERS = st.integers(-1000, 1000)
BOUNDS = [10, 20, 30, 40]


@given(CELLS)
def test_runs_hold_the_cells_that_were_packed(
    cells: dict[tuple[str, int], tuple[int, int]],
) -> None:
    runs = runs_in(packed_runs((*key, *vector) for key, vector in cells.items()), (1, 0))
    found = {
        (member, bin_): (first, second)
        for member, own in runs.each()
        for bin_, second, first in zip(
            *(column[own].tolist() for column in (runs.bins, *runs.amounts)), strict=True
        )
    }
    assert found == cells


@given(CELLS, st.sets(MEMBERS))
def test_columns_are_of_the_members_asked_for(
    cells: dict[tuple[str, int], tuple[int, int]], wanted: set[str]
) -> None:
    without_bins = {member: vector for (member, _), vector in cells.items()}
    body = packed_runs((member, 0, *vector) for member, vector in without_bins.items())
    columns = columns_in_runs(body, (0,), members=wanted)
    assert dict(zip(columns.members, columns.amounts[0], strict=True)) == {
        member: vector[0] for member, vector in without_bins.items() if member in wanted
    }


@given(st.lists(st.lists(st.tuples(MEMBERS, BINS, NUMBERS), max_size=5), min_size=1, max_size=4))
def test_pages_are_put_together_by_their_members(pages: list[list[tuple[str, int, int]]]) -> None:
    runs = runs_of(
        Columns([m for m, _, _ in page], [b for _, b, _ in page], [[a for _, _, a in page]])
        for page in pages
    )
    found = [
        (member, bin_, amount)
        for member, own in runs.each()
        for bin_, amount in zip(runs.bins[own].tolist(), runs.amounts[0][own].tolist(), strict=True)
    ]
    assert sorted(found) == sorted(cell for page in pages for cell in page)


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 5), NUMBERS)),
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 5), NUMBERS)),
)
def test_a_histogram_is_a_series_for_each_bin(
    single: list[tuple[int, int, int]], in_runs: list[tuple[int, int, int]]
) -> None:
    places = {bound: n for n, bound in enumerate(BOUNDS)}
    histogram, series = Histogram(places), {bin_: Series(places) for bin_ in range(6)}
    for stretch, bin_, amount in single:
        histogram.add(stretch, bin_, amount)
    for stretch in range(5):
        of_stretch = [(bin_, amount) for own, bin_, amount in in_runs if own == stretch]
        runs = runs_of([Columns([""] * len(of_stretch), *_columns(of_stretch))])
        histogram.add_run(stretch, runs.bins, runs.amounts[0])
    for stretch, bin_, amount in (*single, *in_runs):
        series[bin_].amounts[stretch] += amount
    spans = [Span(10, 20), Span(None, 30), Span(20, 40, 3)]
    rows = histogram.taken(spans).tolist()
    for span, row in zip(spans, rows, strict=True):
        found = dict(zip(histogram.bins.tolist(), row, strict=True))
        assert {bin_: found.get(bin_, 0) for bin_ in series} == {
            bin_: one.taken(span) for bin_, one in series.items()
        }


def _columns(cells: list[tuple[int, int]]) -> tuple[list[int], list[list[int]]]:
    return [bin_ for bin_, _ in cells], [[amount for _, amount in cells]]


@given(
    st.lists(st.dictionaries(st.integers(0, 9), st.integers(1, 9)), max_size=4),
    st.integers(1, 99),
)
def test_percentiles_side_by_side_are_those_of_each(
    histograms: list[dict[int, int]], percentile: int
) -> None:
    runs = [[histogram.get(value, 0) for value in range(10)] for histogram in histograms]
    rows = runs_of([Columns([""] * 10, list(range(10)), runs)]).amounts if runs else []
    if rows:
        side_by_side = quantiles(list(range(10)), np.stack(rows), percentile)
        assert side_by_side == [_sorted_out(one, percentile) for one in histograms]
        assert side_by_side == [quantile(one, percentile) for one in histograms]
    assert quantile({}, percentile) is None


def _sorted_out(histogram: dict[int, int], percentile: int) -> float | None:
    """By counting along all values in order."""
    values = sorted(value for value, times in histogram.items() for _ in range(times))
    if not values:
        return None
    place, rest = divmod(len(values) * percentile, 100)
    upper = values[place]
    lower = values[place - 1] if rest == 0 else upper
    return (lower + upper) / 2
