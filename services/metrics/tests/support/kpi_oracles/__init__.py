"""What every KPI must be, by brute force over plain events.

Shares no code with the engine, on purpose: nothing of `metrics` or `events` is
imported. Stocks are looked up day by day, nothing is incremental, slow is fine.
An oracle is a function of the books and what is asked that bears the id of its KPI, in the file
of its area.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from inspect import isfunction
from typing import Final

from kpi_oracles import (
    costs,
    customers,
    earning,
    feedback,
    leads,
    market,
    operations,
    pipeline,
    projects,
    sales,
    usage,
)
from kpi_oracles.books import Ask, Books, Expected

__all__ = ["ORACLES", "Ask", "Books", "Expected", "expected"]

_AREAS: Final = (
    *(sales, pipeline, leads, customers, earning, market),
    *(feedback, usage, costs, operations, projects),
)

ORACLES: Final[dict[str, Callable[[Books, Ask], Expected]]] = {
    name: value
    for area in _AREAS
    for name, value in vars(area).items()
    if isfunction(value)
    and value.__module__ == area.__name__
    and not name.startswith("_")
    and value.__annotations__ == {"books": "Books", "ask": "Ask", "return": "Expected"}
}


def expected(kpi: str, books: Books, ask: Ask) -> Expected:
    """What it must be; of days to come a sum says nothing, unless something was told of them."""
    wanted = ORACLES[kpi](books, ask)
    to_come = books.local(ask.now) < ask.start
    is_sum = wanted.denominator is None
    if to_come and is_sum and not (wanted.value or wanted.n or wanted.unpriced):
        return replace(wanted, value=None)
    return wanted
