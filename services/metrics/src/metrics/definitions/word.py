"""A kind of moments as users know it: the words that definitions of own KPIs are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from metrics.engine.moment import MomentKind
from metrics.engine.presence import Presence

AmountOf = Literal["money", "minutes", "pieces"]
"""What the amounts of a kind of moments are, so that nobody adds euros to hours."""

Texts = tuple[str, str]
"""In English and in Chinese."""


@dataclass(frozen=True)
class Word:
    """A kind of moments as users know it.

    `name` reads on in a formula; `dated` says which day it counts on. `lasted` says what a
    percentile is taken of, whole days or sketched minutes. By the dimensions in `shared` one
    moment can belong to several members by weight: it can be cut by them, but nothing can
    be selected. Whatever is counted here is counted in one of `part_of`, too, in the same
    period; in a level among them, as the period begins.
    Up to `settles_after_days` after a day something can still be added to
    that day; `ahead` says that it is known before its day comes. What is `ageing` is a level
    whose parts are there since some day; `still_open` is the level of what has not come to
    its moment yet.
    """

    kind: MomentKind
    name: Texts
    dated: Texts
    amount: AmountOf | None = None
    lasted: Texts | None = None
    lasted_in: Literal["days", "minutes"] = "days"
    shared: tuple[str, ...] = ()
    part_of: tuple[MomentKind, ...] = ()
    settles_after_days: int = 0
    ahead: bool = False
    ageing: bool = False
    still_open: MomentKind | None = None

    @property
    def filters(self) -> tuple[str, ...]:
        """The dimensions that moments can be selected by."""
        if isinstance(self.kind, Presence):
            return ()
        return tuple(name for name in self.kind.dimensions if name not in self.shared)
