"""Selections: moments of one kind of which only those of some members count.

A KPI that is declared for one region counts deals won *there*: a kind of moment of its
own, which the engine says whenever a fact says the other kind and its members pass. So
cells, ledger and explanations need not know that anything was left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import msgspec

from metrics.engine.dimension import NUMBERS, Cut
from metrics.engine.moment import Moment, MomentKind

Where = tuple[tuple[str, tuple[str, ...]], ...]
"""Dimensions with the members that count, both in order."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Selection(MomentKind):
    """Said by the engine, of the moments of another kind: see `selected`."""

    of: MomentKind
    where: Where

    def takes(self, cut: Cut) -> bool:
        """Whether a moment of this cut counts. Shared ones are of no single member."""
        return all(cut[NUMBERS[name] - 1] in members for name, members in self.where)


@cache
def selected(of: MomentKind, where: Where) -> Selection:
    """The kind of those moments that pass; one object for each, as kinds are told by identity."""
    suffix = msgspec.json.encode(dict(where)).decode()
    return Selection(
        name=f"{of.name}{suffix}",
        cube=f"{of.cube}{suffix}",
        dimensions=of.dimensions,
        stock=of.stock,
        events=of.events,
        of=of,
        where=where,
    )


Selections = Mapping[MomentKind, Sequence[Selection]]
"""By the kind of moment that they are made of."""


def selections_among(kinds: Iterable[MomentKind]) -> Selections:
    found: dict[MomentKind, list[Selection]] = {}
    for kind in kinds:
        if isinstance(kind, Selection):
            found.setdefault(kind.of, []).append(kind)
    return found


def with_selections(moments: Sequence[Moment], selections: Selections) -> Sequence[Moment]:
    """What one fact says, and once more what passes."""
    if not selections:
        return moments
    passing = [
        moment._replace(kind=one)
        for moment in moments
        for one in selections.get(moment.kind, ())
        if one.takes(moment.cut)
    ]
    return [*moments, *passing] if passing else moments
