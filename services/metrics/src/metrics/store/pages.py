"""How a page of cells is kept: by columns in one value, so that a reader opens only what it asks.

A page is [members, bins, columns]: the members and the bins of its cells side by side (no
bins where all are 0), and for each place of their vectors a column of amounts, or nil where
all of them are 0.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import compress
from operator import add
from typing import Any, Final

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
    """A page and a kept one added up; None when nothing is left. May change the page."""
    if kept is not None:
        _add(page, kept)
    cells = [
        (member, bin_, vector)
        for bin_, by_member in page.items()
        for member, vector in by_member.items()
        if any(vector)
    ]
    if not cells:
        return None
    members, bins, vectors = zip(*cells, strict=True)
    columns = [column if any(column) else None for column in zip(*vectors, strict=True)]
    return _encode((members, bins if any(bins) else None, columns))


def _add(page: Page, body: bytes) -> None:
    for member, bin_, *vector in cells_in(body):
        by_member = page.get(bin_)
        if by_member is None:
            by_member = page[bin_] = {}
        known = by_member.get(member)
        if known is None:
            by_member[member] = vector
        else:
            for place, amount in enumerate(vector):
                known[place] += amount


def cells_in(
    body: bytes,
    places: Sequence[int] | None = None,
    *,
    members: Collection[str] | None = None,
) -> Iterable[Cell]:
    """The cells of a kept page: some places of them, or of those of some members."""
    kept = _decode(body)
    columns = kept.columns if places is None else [kept.columns[place] for place in places]
    nothing = [0] * len(kept.members)
    if members is None:
        amounts = (_decode_column(column) or nothing for column in columns)
        return zip(kept.members, kept.bins or nothing, *amounts, strict=True)
    chosen = [member in members for member in kept.members]
    if not any(chosen):
        return ()
    amounts = (_decode_column(column) or nothing for column in columns)
    told = (kept.members, kept.bins or nothing, *amounts)
    return zip(*(compress(column, chosen) for column in told), strict=True)


def summed(
    bodies: Iterable[bytes], places: Sequence[int], *, members: Collection[str] | None = None
) -> Iterable[Cell]:
    """Some places of the cells of several pages (or of those of some members), added up."""
    sums: dict[tuple[str, int], Sequence[int]] = {}
    for body in bodies:
        for member, bin_, *amounts in cells_in(body, places, members=members):
            key = member, bin_
            known = sums.get(key)
            sums[key] = amounts if known is None else list(map(add, known, amounts))
    return ((member, bin_, *amounts) for (member, bin_), amounts in sums.items())
