"""Counts and sums over one customer's deals, exact and per currency."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel


class Sum(BaseModel):
    """An amount in minor units of one currency."""

    amount_minor: int
    currency: str


class Figures(BaseModel):
    """What the customer's deals add up to; deals without an amount count, but add nothing."""

    deals_open: int
    deals_won: int
    deals_lost: int
    win_rate: float | None
    """Won of won and lost; null while none is closed."""
    won: list[Sum]
    open: list[Sum]


def figures_of(deals: Iterable[dict[str, Any]]) -> Figures:
    """Add up deals as the pipeline lists them."""
    count: Counter[str] = Counter()
    sums: dict[str, Counter[str]] = {"won": Counter(), "open": Counter()}
    for deal in deals:
        status = deal.get("status", "")
        count[status] += 1
        amount = deal.get("amount")
        if status in sums and amount:
            sums[status][amount["currency"]] += amount["amount_minor"]
    closed = count["won"] + count["lost"]
    return Figures(
        deals_open=count["open"],
        deals_won=count["won"],
        deals_lost=count["lost"],
        win_rate=count["won"] / closed if closed else None,
        won=_listed(sums["won"]),
        open=_listed(sums["open"]),
    )


def _listed(sums: Counter[str]) -> list[Sum]:
    return [Sum(amount_minor=sums[currency], currency=currency) for currency in sorted(sums)]
