"""Marks: what facts are found by when a question is limited to some members.

A mark is a hash of a fact's kind and of one member of one dimension. A fact carries the marks of
all cuts that it speaks with, so that an index tells which facts can say anything of a scope. Two
members may share a mark, and two moments a fact: whoever reads what is found cuts and filters it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final
from zlib import crc32

from metrics.engine.dimension import DIMENSIONS, Cut

_SIGN: Final = 2**31

Filters = Mapping[str, Sequence[str]]


def marks_of(kind: str, cuts: Iterable[Cut]) -> set[int]:
    """The marks of a fact that speaks with some cuts."""
    return set[int]().union(*(_marks_of_cut(kind, cut) for cut in set(cuts)))


@lru_cache(maxsize=16_384)
def _marks_of_cut(kind: str, cut: Cut) -> frozenset[int]:
    marks = []
    for dimension, member in zip(DIMENSIONS, cut, strict=True):
        if isinstance(member, str):
            marks.append(_mark(kind, dimension, member))
        elif member is not None:
            marks += [_mark(kind, dimension, name) for name, _ in member]
    return frozenset(marks)


def carrying(
    filters: Filters, kinds: Collection[str], *, first: int
) -> tuple[str, list[list[int]]]:
    """SQL that goes on after a condition, and its arguments, numbered from `first` on."""
    wanted = [
        [_mark(kind, dimension, member) for kind in kinds for member in members]
        for dimension, members in filters.items()
    ]
    return "".join(f" AND marks && ${first + n}" for n in range(len(wanted))), wanted


def _mark(kind: str, dimension: str, member: str) -> int:
    return crc32(f"{kind}/{dimension}/{member}".encode()) - _SIGN
