"""Where in a loss it sits: the fewest slices that explain two thirds of it.

Contributions are additive over slices, so the share that a slice explains is exact
(Adtributor's explanatory power). What may be chance, or has too few facts, is not named.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from metrics.diagnosis.figures import Figures
from metrics.diagnosis.rules import JUDGED, Rules
from metrics.diagnosis.scene import Cell, Scene
from metrics.diagnosis.statistics import discoveries, jensen_shannon, p_value

PERSONS: Final = "owner"
"""The dimension whose members are persons."""
AMOUNT_CV: Final = 0.8
"""Spread of amounts within a slice, where nothing else is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Portion:
    """What one slice had in a period."""

    amount_minor: int
    count: int
    """Sales behind the amount."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Revenue by one dimension or two. Raises ValueError for a dimension of persons."""

    dimensions: tuple[str, ...]
    before: Mapping[tuple[str, ...], Portion]
    after: Mapping[tuple[str, ...], Portion]

    def __post_init__(self) -> None:
        if PERSONS in self.dimensions:
            raise ValueError(f"a diagnosis has no place for {PERSONS}: it never names a person")


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """A slice that lost, or a factor in a slice."""

    factor: str = ""
    slice: tuple[str, ...]
    amount_minor: float
    power: float
    """Share of the whole change that it explains; above 1 where others gained."""
    surprise: float
    """How much its share of revenue moved (its part of the Jensen-Shannon divergence)."""
    p_value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Drill:
    """The elements of one cut, the strongest first."""

    dimensions: tuple[str, ...]
    elements: tuple[Element, ...] = ()
    ripple: float | None = None
    """1 where, within what is named, all fell in proportion and nothing else moved; 0 where
    the elements explain no more than an even fall of everything would (HotSpot's score).
    """


def drill_tree(scene: Scene, before: Figures, after: Figures, *, rules: Rules) -> Drill:
    """Factor by channel or tenure band."""
    change = sum(cell.exact for cell in scene.cells)
    shares = _shares(before), _shares(after)
    known = [
        cell
        for cell in scene.cells
        if scene.owners[cell.factor] in JUDGED and cell.exact < 0 and cell.factor != "market"
    ]
    elements = [
        Element(
            factor=cell.factor,
            slice=(cell.slice,),
            amount_minor=cell.exact,
            power=cell.exact / change,
            surprise=jensen_shannon(*(share.get(cell.slice, 0.0) for share in shares)),
            p_value=_chance(cell),
        )
        for cell in known
        if change < 0 and _is_large(cell.slice, before, after, rules=rules)
    ]
    return Drill(dimensions=("factor", "slice"), elements=_fewest(elements, rules))


def drill_cut(cut: Cut, finest: Cut | None, rules: Rules) -> Drill:
    """One other cut; `finest` is the one by two dimensions that its ripple is told by, if any."""
    if not 1 <= len(cut.dimensions) <= 2:
        raise ValueError("a drill goes by one dimension or two; cut the rest away")
    old, new = (sum(p.amount_minor for p in side.values()) for side in (cut.before, cut.after))
    nothing = Portion(amount_minor=0, count=0)
    elements = []
    if not 0 < new < old:
        return Drill(dimensions=cut.dimensions)
    for name in sorted(cut.before.keys() | cut.after.keys()):
        one, other = cut.before.get(name, nothing), cut.after.get(name, nothing)
        amount = other.amount_minor - one.amount_minor
        if amount < 0 and max(one.count, other.count) >= rules.floors.decided:
            shares = max(0.0, one.amount_minor / old), max(0.0, other.amount_minor / new)
            deviation = math.hypot(_deviation(one), _deviation(other))
            elements.append(
                Element(
                    slice=name,
                    amount_minor=amount,
                    power=amount / (new - old),
                    surprise=jensen_shannon(*shares),
                    p_value=p_value(amount / deviation),
                )
            )
    chosen = _fewest(elements, rules)
    ripple = _ripple({element.slice for element in chosen}, cut, finest or cut) if chosen else None
    return Drill(dimensions=cut.dimensions, elements=chosen, ripple=ripple)


def drill(
    scene: Scene, before: Figures, after: Figures, *, cuts: Sequence[Cut], rules: Rules
) -> tuple[Drill, ...]:
    """The tree's own cells first, then the other cuts, the more surprising first."""
    found = []
    for cut in cuts:
        wider = [c for c in cuts if set(cut.dimensions) <= set(c.dimensions)]
        found.append(drill_cut(cut, max(wider, key=lambda c: len(c.dimensions)), rules))
    found.sort(key=lambda one: -sum(element.surprise for element in one.elements))
    return (drill_tree(scene, before, after, rules=rules), *found)


def _fewest(elements: Sequence[Element], rules: Rules) -> tuple[Element, ...]:
    real = discoveries([element.p_value for element in elements], rules.false_discoveries)
    ranked = sorted((elements[i] for i in real), key=lambda e: (-e.power, -e.surprise))
    chosen: list[Element] = []
    for element in ranked:
        if sum(e.power for e in chosen) >= rules.drill_share:
            break
        chosen.append(element)
    return tuple(chosen)


def _shares(figures: Figures) -> dict[str, float]:
    """Of revenue, by channel and tenure band."""
    amounts = {name: funnel.amount_minor for name, funnel in figures.funnels.items()}
    amounts |= {name: band.revenue_minor for name, band in figures.bands.items()}
    whole = sum(amounts.values())
    return {name: max(0.0, amount / whole) for name, amount in amounts.items()} if whole else {}


def _is_large(name: str, before: Figures, after: Figures, *, rules: Rules) -> bool:
    """In one of the periods: a channel that went is worth naming."""
    sides = before, after
    decided = max(side.funnels[name].decided if name in side.funnels else 0 for side in sides)
    base = max(side.bands[name].base if name in side.bands else 0 for side in sides)
    return not name or decided >= rules.floors.decided or base >= rules.floors.base


def _chance(cell: Cell) -> float:
    return float((1 + np.sum(cell.draws >= 0)) / (1 + cell.draws.size))


def _deviation(portion: Portion) -> float:
    """Of a sum of `count` independent amounts, the count itself being random."""
    return portion.amount_minor * math.sqrt((1 + AMOUNT_CV**2) / max(portion.count, 1))


def _ripple(chosen: set[tuple[str, ...]], cut: Cut, finest: Cut) -> float:
    """Sun et al. (2018), "HotSpot: anomaly localization for additive KPIs", IEEE Access 6."""
    places = [finest.dimensions.index(dimension) for dimension in cut.dimensions]
    names = sorted(finest.before.keys() | finest.after.keys())
    old, new = (
        np.array([side[n].amount_minor if n in side else 0 for n in names], float)
        for side in (finest.before, finest.after)
    )
    inside = np.array([tuple(name[i] for i in places) in chosen for name in names])
    fallen = new[inside].sum() / old[inside].sum() if old[inside].sum() else 0.0
    expected = np.where(inside, old * fallen, old)
    distance = float(np.linalg.norm(new - old))
    return max(0.0, 1 - float(np.linalg.norm(new - expected)) / distance) if distance else 0.0
