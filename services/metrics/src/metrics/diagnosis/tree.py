"""A number as sums and products of others in two periods, and what each leaf added to its change.

The contribution of a node is its multiplier times its own change. The root's multiplier is 1;
a part of a sum inherits the multiplier with its sign, a factor of a product gets it times
what the method of attribution says. One pass, no residual, additive over slices.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from metrics.diagnosis.attribution import Method, Values, defined


@dataclass(frozen=True, slots=True)
class Leaf:
    """One factor in one slice (a channel, a tenure band, or "" for the whole); NaN is undefined."""

    factor: str
    slice: str
    before: Values
    after: Values


@dataclass(frozen=True, slots=True)
class Sum:
    parts: Sequence[tuple[int, Node]]
    """Each with its sign."""

    @property
    def before(self) -> Values:
        return sum((sign * part.before for sign, part in self.parts), np.zeros(()))

    @property
    def after(self) -> Values:
        return sum((sign * part.after for sign, part in self.parts), np.zeros(()))


@dataclass(frozen=True, slots=True)
class Product:
    factors: Sequence[Node]

    @property
    def before(self) -> Values:
        value: Values = np.prod(self.sides()[0], axis=0)
        return value

    @property
    def after(self) -> Values:
        value: Values = np.prod(self.sides()[1], axis=0)
        return value

    def sides(self) -> tuple[Values, Values]:
        return defined([f.before for f in self.factors], [f.after for f in self.factors])


Node = Leaf | Sum | Product


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one factor added in one slice."""

    factor: str
    slice: str
    amount: Values
    """Minor units; one number, or one for each draw."""


def total(parts: Iterable[Node]) -> Sum:
    return Sum(tuple((1, part) for part in parts))


def attribute(root: Node, method: Method) -> list[Contribution]:
    """Contributions of all leaves, in the order of the tree; they sum to the root's change."""
    found: dict[tuple[str, str], Values] = {}

    def add(leaf: Leaf, amount: Values) -> None:
        key = leaf.factor, leaf.slice
        found[key] = found[key] + amount if key in found else amount

    def go(node: Node, multiplier: Values) -> None:
        if isinstance(node, Leaf):
            add(node, multiplier * (node.after - node.before))
        elif isinstance(node, Sum):
            for sign, part in node.parts:
                go(part, sign * multiplier)
        else:
            old, new = node.sides()
            for k, (factor, own) in enumerate(zip(node.factors, method(old, new), strict=True)):
                if isinstance(factor, Leaf):
                    add(factor, multiplier * own * (new[k] - old[k]))
                else:
                    go(factor, multiplier * own)

    go(root, np.ones(()))
    return [Contribution(factor, slice_, amount) for (factor, slice_), amount in found.items()]
