"""Pages of cells: what is kept is what was added, and nothing that is zero."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from memory_shelf import cells_of

from metrics.engine.cell import Layout, Page
from metrics.engine.changes import Tally
from metrics.engine.dimension import PerOwner, cut_of
from metrics.engine.measure import Aspect, Measure
from metrics.engine.moment import Moment, MomentKind
from metrics.engine.paging import pages_of
from metrics.store.pages import cells_in, packed_sum

Cell = tuple[str, int, tuple[int, int]]

CELLS: st.SearchStrategy[Cell] = st.tuples(
    st.sampled_from(["", "ann", "张伟"]),
    st.integers(-1, 2),
    st.tuples(st.integers(-(2**58), 2**58), st.sampled_from([0, 1, -1])),
)


def page_of(cells: Sequence[Cell]) -> Page:
    sums: dict[tuple[str, int], tuple[int, int]] = {}
    for member, bin_, (first, second) in cells:
        known = sums.get((member, bin_), (0, 0))
        sums[member, bin_] = known[0] + first, known[1] + second
    kept = {key: vector for key, vector in sums.items() if any(vector)}
    columns = [[vector[place] for vector in kept.values()] for place in (0, 1)]
    return Page([member for member, _ in kept], [bin_ for _, bin_ in kept], columns)


def minus(cells: Sequence[Cell]) -> list[Cell]:
    return [(member, bin_, (-a, -b)) for member, bin_, (a, b) in cells]


@given(st.lists(st.lists(CELLS, max_size=4), max_size=4))
def test_a_page_keeps_the_sum_of_all_that_was_added(batches: list[list[Cell]]) -> None:
    body: bytes | None = None
    sums: Counter[tuple[str, int, int]] = Counter()
    for cells in batches:
        body = packed_sum(page_of(cells), body)
        for member, bin_, vector in cells:
            for place, amount in enumerate(vector):
                sums[member, bin_, place] += amount
    kept = [] if body is None else list(cells_in(body))
    found = {(m, b, place): a for m, b, *vector in kept for place, a in enumerate(vector) if a}
    assert found == {key: amount for key, amount in sums.items() if amount}
    assert all(any(vector) for _, _, *vector in kept)


@given(st.lists(CELLS, min_size=1))
def test_what_is_taken_back_leaves_no_page(cells: list[Cell]) -> None:
    assert packed_sum(page_of(minus(cells)), packed_sum(page_of(cells), None)) is None


SALE = MomentKind(name="sale", cube="sale", dimensions=("owner", "team", "region"))
GOAL = MomentKind(name="goal", cube="sale", dimensions=("region",), scoped=True)
OWNERS = (("ann", 2_500), ("bob", 7_500))
CUTS = st.builds(
    cut_of,
    owner=st.sampled_from(["ann", "张伟", OWNERS]),
    team=st.sampled_from([None, "north", PerOwner((("north", 2_500), ("north", 7_500)))]),
    region=st.sampled_from(["eu", None]),
)
CHANGES = st.tuples(
    st.builds(
        Moment,
        st.sampled_from([SALE, GOAL]),
        st.integers(-40, 40),
        CUTS,
        st.sampled_from([1, -1]),
        st.none() | st.integers(-(10**15), 10**15),
        st.none() | st.integers(-1, 2),
    ),
    st.sampled_from([1, -1, 3, 100_000]),
)
LAYOUT = Layout(
    Measure(kind=kind, aspect=aspect, binned=binned, crossing=crossing)
    for kind in (SALE, GOAL)
    for aspect in Aspect
    for binned in (False, True)
    for crossing in ((), (("owner",), ("region", "team"), ("owner", "team")))
)


@given(st.lists(st.lists(CHANGES, max_size=5), max_size=3))
def test_changes_side_by_side_make_the_cells_that_each_of_them_makes(
    batches: list[list[tuple[Moment, int]]],
) -> None:
    packed = []
    for batch in batches:
        tally = Tally()
        for moment, times in batch:
            tally.count(0, [moment], times)
        packed.append(tally.batch())
    cells = {
        (*key, member, bin_): tuple(vector)
        for key, page in pages_of(packed, layout=LAYOUT)
        for member, bin_, *vector in zip(page.members, page.bins, *page.columns, strict=True)
    }
    one_by_one = [change for batch in batches for change in batch]
    assert cells == dict(cells_of(one_by_one, layout=LAYOUT))
