"""Rows on their way to the database travel as columns: one array parameter for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def columns_of(rows: Sequence[Any], *, width: int | None = None) -> list[list[Any]]:
    """Rows as columns, for array parameters; `width` says how many if there may be no row."""
    if not rows and width is not None:
        return [[] for _ in range(width)]
    return [list(column) for column in zip(*rows, strict=True)]
