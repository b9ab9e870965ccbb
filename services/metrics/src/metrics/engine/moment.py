"""Moments: what a fact has to say to the KPIs, each on one business day.

A deal that was created, is open and was won speaks three times. Measures are
declared on kinds of moments (see `measure`), so that a fact knows no KPI and a
KPI knows no event.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from events.types import EventData
from metrics.engine.dimension import Cut


@dataclass(frozen=True, kw_only=True, eq=False)
class MomentKind:
    """A kind of moment, `<fact>.<what happened>`.

    `cube` names the cells that its measures share: kinds that mostly fall on the
    same day and cut belong together, since a cell holds all measures of its cube.
    `stock` marks the signed changes of a level (what is open), summed over all
    days before a point in time. `scoped` ones only speak for the very dimensions that they
    have members of: a target of one team says nothing about the total. `events` are the
    types that it is said because of, without those that only correct it: what a company must
    send.
    """

    name: str
    cube: str
    dimensions: tuple[str, ...]
    stock: bool = False
    scoped: bool = False
    events: tuple[type[EventData], ...] = ()

    def __repr__(self) -> str:
        return self.name


class Moment(NamedTuple):
    """One contribution before it is measured.

    `sign` is -1 where a stock loses something (a deal is open no longer).
    `minor` is in base currency, None when no rate or amount was known.
    `bin` is what a histogram counts (days of a sales cycle, months of a target's
    period); None where the fact is not fit to be counted in it.
    """

    kind: MomentKind
    day: int
    cut: Cut
    sign: int = 1
    minor: int | None = 0
    bin: int | None = None


def difference(old: Sequence[Moment], new: Sequence[Moment]) -> tuple[list[Moment], list[Moment]]:
    """Moments taken back and moments added, without what both begin and end with.

    What differs lies together and is short (a deal says about six), hence no hashing of the cuts.
    """
    most = min(len(old), len(new))
    first = 0
    while first < most and old[first] == new[first]:
        first += 1
    last = 0
    while last < most - first and old[-1 - last] == new[-1 - last]:
        last += 1
    return list(old[first : len(old) - last]), list(new[first : len(new) - last])
