"""The values of a KPI, as they are read from sums."""

from __future__ import annotations

from typing import Literal

import msgspec

from metrics.engine.calendar import Period
from metrics.engine.sums import Members
from metrics.engine.units import Number

Reason = Literal[
    "no_denominator",
    "immature",
    "not_covered",
    "incomplete",
    "no_target",
    "below_floor",
    "holdout_error",
]


class Row(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A KPI's value for a period, and for members when it is broken down.

    Counts are in units (an owner's share may be a fraction), money in base minor units.
    """

    period: Period
    members: Members
    value: Number | None
    numerator: Number | None
    denominator: Number | None
    n: Number
    interval: tuple[float, float] | None
    unpriced_count: Number
    reason: Reason | None
    mature: bool
    censored: Number | None = None
    """Of a quantile: how many have no value yet."""
    shrunken: float | None = None
    """Of a rate broken down: drawn towards what the members have in common."""

    @property
    def speaks(self) -> bool:
        """Whether there is anything behind it, be it something without a price."""
        return bool(self.n or self.numerator or self.denominator or self.unpriced_count)
