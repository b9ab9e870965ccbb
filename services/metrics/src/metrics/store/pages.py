"""How a page of cells is kept: by columns in one value, so that a reader opens only what it asks.

A page is [members, bins, columns]: the members and the bins of its cells side by side (no
bins where all are 0), and for each place of their vectors a column of amounts, or nil where
all of them are 0.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import compress
from operator import add
from typing import Any, Final, NamedTuple

import msgspec

from metrics.engine.cell import Page

Cell = tuple[Any, ...]
"""Member, bin and amounts."""


class _Kept(msgspec.Struct, frozen=True, array_like=True, gc=False):
    members: list[str]
    bins: list[int] | None
    columns: list[msgspec.Raw]


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(_Kept).decode
_decode_column: Final = msgspec.msgpack.Decoder(list[int] | None).decode


def packed_sum(page: Page, kept: bytes | None) -> bytes | None:
    """A page without cells that are zero and a kept one added up; None when nothing is left."""
    if kept is not None:
        new = zip(page.members, page.bins, *page.columns, strict=True)
        cells = _added((cells_in(kept), new))
        if not cells:
            return None
        members, bins, *columns = zip(*cells, strict=True)
        page = Page(members, bins, columns)
    kept_columns = [column if any(column) else None for column in page.columns]
    return _encode((page.members, page.bins if any(page.bins) else None, kept_columns))


def cells_of_all(bodies: Iterable[bytes]) -> list[Cell]:
    """The cells of several kept pages, added up."""
    return _added(map(cells_in, bodies))


def _added(pages: Iterable[Iterable[Cell]]) -> list[Cell]:
    """The cells of several pages, added up; none that is zero."""
    sums: dict[tuple[str, int], Sequence[int]] = {}
    for cells in pages:
        for member, bin_, *amounts in cells:
            known = sums.get((member, bin_))
            sums[member, bin_] = amounts if known is None else list(map(add, known, amounts))
    return [(*key, *amounts) for key, amounts in sums.items() if any(amounts)]


def cells_in(body: bytes) -> Iterable[Cell]:
    """The cells of a kept page."""
    kept = _decode(body)
    nothing = [0] * len(kept.members)
    amounts = (_decode_column(column) or nothing for column in kept.columns)
    return zip(kept.members, kept.bins or nothing, *amounts, strict=True)


class Columns(NamedTuple):
    """Cells side by side: a column of amounts for each place that was asked for."""

    members: Sequence[str]
    bins: Sequence[int]
    amounts: Sequence[Sequence[int]]


def columns_in(
    body: bytes, places: Sequence[int], *, members: Collection[str] | None = None
) -> Columns:
    """Some places of the cells of a kept page, or of those of some members."""
    kept = _decode(body)
    nothing = [0] * len(kept.members)
    amounts = [_decode_column(kept.columns[place]) or nothing for place in places]
    if members is None:
        return Columns(kept.members, kept.bins or nothing, amounts)
    chosen = [member in members for member in kept.members]
    return Columns(
        list(compress(kept.members, chosen)),
        list(compress(kept.bins or nothing, chosen)),
        [list(compress(column, chosen)) for column in amounts],
    )
