"""Pages of cells: what is kept is what was added, and nothing that is zero."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from metrics.engine.cell import Page
from metrics.store.pages import cells_in, packed_sum

Cell = tuple[str, int, tuple[int, int]]

CELLS: st.SearchStrategy[Cell] = st.tuples(
    st.sampled_from(["", "ann", "张伟"]),
    st.integers(-1, 2),
    st.tuples(st.integers(-(2**58), 2**58), st.sampled_from([0, 1, -1])),
)


def page_of(cells: Sequence[Cell]) -> Page:
    page: Page = {}
    for member, bin_, vector in cells:
        known = page.setdefault(bin_, {}).setdefault(member, [0, 0])
        known[:] = [a + b for a, b in zip(known, vector, strict=True)]
    return page


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
