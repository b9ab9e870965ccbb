"""Owns how several people share a deal: whole basis points that sum to all of it."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from pipeline.domain.pipeline import WHOLE_BP
from pipeline.errors import OwnerNamedTwice, OwnerWeightsDoNotSum

if TYPE_CHECKING:
    from collections.abc import Iterable

    from events.types import Owner


def share(owners: Iterable[Owner]) -> tuple[Owner, ...]:
    """The owners in the order of their ids, checked; nobody at all is allowed.

    The order is fixed so that naming the same owners in another order is no change.
    """
    shared = tuple(sorted(owners, key=lambda owner: owner.owner_id))
    for first, second in pairwise(shared):
        if first.owner_id == second.owner_id:
            raise OwnerNamedTwice(first.owner_id)
    total = sum(owner.weight_bp for owner in shared)
    if shared and total != WHOLE_BP:
        raise OwnerWeightsDoNotSum(total)
    return shared
