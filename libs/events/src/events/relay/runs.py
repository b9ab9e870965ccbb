"""The rows of a page by their ids, told as runs: as a rule one, where a list has thousands."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg


def runs_of(ids: Sequence[int]) -> list[asyncpg.Range[int]]:
    """Exactly these ids, which ascend, for PostgreSQL's int8multirange.

    An id that lacks may be of a transaction that has yet to commit: it is in no run, or its
    event would be passed over while later ones of its aggregate go out, or be deleted unsent.
    """
    ends = [place for place in range(1, len(ids)) if ids[place] != ids[place - 1] + 1]
    return [
        asyncpg.Range(ids[first], ids[end - 1] + 1)
        for first, end in zip([0, *ends], [*ends, len(ids)], strict=True)
    ]
