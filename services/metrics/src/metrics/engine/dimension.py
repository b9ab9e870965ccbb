"""What facts are cut by, and how an amount is shared among several members.

Invariant: the parts of a split sum to the whole, so that the values of a
dimension (with `unknown`) always sum to the total.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

DIMENSIONS: Final = (
    "owner",
    "team",
    "channel",
    "segment",
    "sector",
    "region",
    "product",
    "pipeline",
    "project",
    "process",
    "reason",
)
"""Order matters: a dimension's number is kept in the tables. Append, never insert."""

TOTAL: Final = 0
"""Number of the slice that holds everything; its only member is the empty text."""

NUMBERS: Final = {name: place + 1 for place, name in enumerate(DIMENSIONS)}

_SLICES_OF_ONE: Final = 100
"""More than there will ever be dimensions."""

Crossing = tuple[tuple[str, ...], ...]
"""Which dimensions cells are kept by, one at a time or two at once."""

Parts = tuple[tuple[str, int], ...]
"""Several members of one dimension with their weights (owners of a deal, lines of an order)."""


class PerOwner(Parts):
    """Members that go with the owners of a fact: one for each, in their order, with their weights.

    An owner's part falls to his own member, in whatever way it is asked for.
    """

    __slots__ = ()


Member = str | Parts | None
"""One member, several, or None where the fact cannot be cut by the dimension."""

Cut = tuple[Member, ...]
"""The members of a fact, one place per name in DIMENSIONS."""

NOWHERE: Final[Cut] = (None,) * len(DIMENSIONS)


def cut_of(**members: Member) -> Cut:
    """The cut with the named members; dimensions not named do not apply."""
    unknown = members.keys() - NUMBERS.keys()
    if unknown:
        raise ValueError(f"no such dimension: {', '.join(sorted(unknown))}")
    return tuple(members.get(name) for name in DIMENSIONS)


def slice_number(dimensions: Sequence[str]) -> int:
    """The number of a slice by no dimension, by one, or by two at once in any order."""
    number = TOTAL
    for name in in_order(dimensions):
        number = number * _SLICES_OF_ONE + NUMBERS[name]
    return number


def in_order(dimensions: Iterable[str]) -> list[str]:
    return sorted(dimensions, key=NUMBERS.__getitem__)


def joined(members: Sequence[str]) -> str:
    """Members of one slice as the one member of its cells; of dimensions in order."""
    if len(members) < 2:
        return "".join(members)
    first, second = members
    # A member may hold any character, so that none could stand between two.
    return f"{len(first)}:{first}{second}"


def parted(member: str) -> tuple[str, str]:
    """The two members that were joined."""
    length, _, both = member.partition(":")
    return both[: int(length)], both[int(length) :]


def split(amount: int, weights: Sequence[int]) -> list[int]:
    """Share `amount` by `weights`, whole units, the largest remainders first.

    The parts sum to `amount`; `split(-a)` is the negative of `split(a)`, so that
    a retraction takes back exactly what was given. Weights that are all zero
    count as equal.
    """
    if amount < 0:
        return [-part for part in split(-amount, weights)]
    total = sum(weights)
    if total == 0:
        weights, total = [1] * len(weights), len(weights)
    parts = [amount * weight // total for weight in weights]
    left = amount - sum(parts)
    if left:
        by_remainder = sorted(
            range(len(weights)), key=lambda i: (-(amount * weights[i] % total), i)
        )
        for place in by_remainder[:left]:
            parts[place] += 1
    return parts
