"""Two periods, decomposed as observed and over all draws, with who answers for each factor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from metrics.diagnosis.attribution import Method, Values, lmdi
from metrics.diagnosis.contributions import CAPTURE, OPENING_FLOWS, contributions
from metrics.diagnosis.figures import Figures
from metrics.diagnosis.rules import Owner, Rules
from metrics.diagnosis.sample import Sample, drawn, observed
from metrics.diagnosis.tree import Contribution


@dataclass(frozen=True, slots=True)
class Cell:
    """What one factor added in one slice: as observed, and in every draw. Minor units."""

    factor: str
    slice: str
    exact: float
    draws: Values


@dataclass(frozen=True)
class Scene:
    cells: tuple[Cell, ...]
    owners: Mapping[str, Owner]

    @cached_property
    def amounts(self) -> dict[Owner, float]:
        return {owner: sum(c.exact for c in self.cells_of(owner)) for owner in Owner}

    @cached_property
    def draws(self) -> dict[Owner, Values]:
        return {owner: _added(self.cells_of(owner)) for owner in Owner}

    @cached_property
    def change_draws(self) -> Values:
        """Changes of revenue that could as well have been seen."""
        return _added(self.cells)

    def cells_of(self, owner: Owner) -> tuple[Cell, ...]:
        return tuple(cell for cell in self.cells if self.owners[cell.factor] is owner)


@dataclass(frozen=True)
class Comparison:
    """Two periods of one scope and what they could have been."""

    observed: tuple[Sample, Sample]
    drawn: tuple[Sample, Sample]
    _known: dict[tuple[float, bool], list[Contribution]] = field(default_factory=dict)
    """Draws once decomposed: other owners, or another method, need them again."""

    def scene(self, rules: Rules, *, method: Method = lmdi, expanded: bool = False) -> Scene:
        """`method` decomposes what was observed; the draws always take LMDI, because Shapley
        would cost 64 products a cell.
        """
        exact = contributions(
            *self.observed, elasticity=rules.elasticity, method=method, expanded=expanded
        )
        key = rules.elasticity, expanded
        if key not in self._known:
            self._known[key] = contributions(
                *self.drawn, elasticity=rules.elasticity, expanded=expanded
            )
        cells = tuple(
            Cell(one.factor, one.slice, float(one.amount), other.amount)
            for one, other in zip(exact, self._known[key], strict=True)
        )
        return Scene(cells, _uncoupled(cells, rules.owners, rules))


def compared(before: Figures, after: Figures, *, rules: Rules, seed: int) -> Comparison:
    """The same figures, rules and seed give the same draws."""
    if before.market_minor is None or after.market_minor is None:
        # One size alone says nothing of the market's growth.
        before, after = (replace(side, market_minor=None) for side in (before, after))
    random = np.random.default_rng(seed)
    return Comparison(
        observed=(observed(before), observed(after)),
        drawn=(
            drawn(before, draws=rules.draws, random=random),
            drawn(after, draws=rules.draws, random=random),
        ),
    )


def _uncoupled(
    cells: tuple[Cell, ...], owners: Mapping[str, Owner], rules: Rules
) -> Mapping[str, Owner]:
    """The owner map after the coupling guard: a longer queue is not slower selling."""
    captured = (*CAPTURE, *OPENING_FLOWS)
    capture = sum(cell.exact for cell in cells if cell.factor in captured)
    speed = sum(cell.exact for cell in cells if cell.factor == "speed")
    opposed = capture * speed < 0
    if opposed and abs(capture + speed) < rules.coupled_within * min(abs(capture), abs(speed)):
        return {**owners, **dict.fromkeys((*captured, "speed"), Owner.UNASSIGNED)}
    return owners


def _added(cells: tuple[Cell, ...]) -> Values:
    return sum((cell.draws for cell in cells), np.zeros(1))
