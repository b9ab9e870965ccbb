"""Contributions of a scene in whole minor units, by cell, by factor and by class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from metrics.diagnosis.attribution import Values
from metrics.diagnosis.rules import Owner, Rules
from metrics.diagnosis.scene import Cell, Scene
from metrics.diagnosis.statistics import largest_remainder


@dataclass(frozen=True, slots=True, kw_only=True)
class ContributionView:
    """One factor in one slice; `low` and `high` are its 90 % interval. Minor units."""

    node: str
    slice: str
    owner: Owner
    amount: int
    low: int
    high: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TotalView:
    """A factor, or a class of factors, over all slices. Minor units."""

    node: str
    owner: Owner
    amount: int
    low: int
    high: int
    significant: bool
    """Whether chance alone would hardly take so much (one-sided)."""
    blame: float
    """Share of what the judged classes lost; 0 for a factor."""


def contributions_of(scene: Scene, delta: int) -> tuple[ContributionView, ...]:
    """Rounded so that they sum to `delta`; sums of factors and classes are sums of these."""
    amounts = largest_remainder([cell.exact for cell in scene.cells], delta)
    return tuple(
        _contribution(scene, cell, amount)
        for cell, amount in zip(scene.cells, amounts, strict=True)
    )


def _contribution(scene: Scene, cell: Cell, amount: int) -> ContributionView:
    low, high = _bounds(cell.draws)
    return ContributionView(
        node=cell.factor,
        slice=cell.slice,
        owner=scene.owners[cell.factor],
        amount=amount,
        low=low,
        high=high,
    )


def factors_of(
    scene: Scene, parts: Sequence[ContributionView], rules: Rules
) -> tuple[TotalView, ...]:
    """In the order of the tree; factors that the figures cannot tell are left out."""
    return tuple(
        _total(
            factor,
            scene.owners[factor],
            parts=[part for part in parts if part.node == factor],
            draws=sum((c.draws for c in scene.cells if c.factor == factor), np.zeros(1)),
            rules=rules,
        )
        for factor in dict.fromkeys(part.node for part in parts)
    )


def classes_of(
    scene: Scene,
    parts: Sequence[ContributionView],
    rules: Rules,
    *,
    blame: Mapping[Owner, float],
) -> tuple[TotalView, ...]:
    return tuple(
        _total(
            owner.value,
            owner,
            parts=[part for part in parts if part.owner is owner],
            draws=scene.draws[owner],
            rules=rules,
            blame=blame.get(owner, 0.0),
        )
        for owner in Owner
    )


def _total(
    node: str,
    owner: Owner,
    *,
    parts: Sequence[ContributionView],
    draws: Values,
    rules: Rules,
    blame: float = 0.0,
) -> TotalView:
    low, high = _bounds(draws)
    amount = sum(part.amount for part in parts)
    surely = float(np.quantile(draws, rules.significant_confidence)) < 0
    return TotalView(
        node=node,
        owner=owner,
        amount=amount,
        low=low,
        high=high,
        significant=amount < 0 and surely,
        blame=blame,
    )


def _bounds(draws: Values) -> tuple[int, int]:
    """90 % interval."""
    low, high = np.quantile(draws, (0.05, 0.95))
    return round(float(low)), round(float(high))
