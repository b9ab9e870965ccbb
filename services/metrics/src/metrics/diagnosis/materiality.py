"""Whether results fell at all: by enough, and by more than chance does.

A period of nothing new must not be diagnosed: somebody would be blamed for noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from typing import Final

import numpy as np

from metrics.diagnosis.attribution import Values
from metrics.diagnosis.rules import Rules

HISTORY_NEEDED: Final = 8
_MAD_TO_SIGMA: Final = 1.4826
"""Makes the median absolute deviation estimate a normal distribution's sigma."""


def is_material(
    old: int, new: int, *, draws: Values, history: Sequence[float], rules: Rules
) -> bool:
    """Whether the result fell, beyond chance within the periods or beyond its own history.

    `draws` are changes of it that could as well have been seen; `history` holds
    ln(period / same period a year before) of earlier periods. A loss that grew has fallen by
    a part of what it was.
    """
    if new >= old:
        return False
    beyond_chance = float(np.quantile(draws, rules.material_confidence)) < 0
    if old - new >= rules.material_fall * abs(old) and beyond_chance:
        return True
    z = robust_z(log(new / old), history) if min(old, new) > 0 else None
    return z is not None and z <= rules.material_z


def robust_z(change: float, history: Sequence[float]) -> float | None:
    """How far `change` lies from earlier ones, in robust sigmas; None for too little history."""
    if len(history) < HISTORY_NEEDED:
        return None
    middle = float(np.median(history))
    spread = _MAD_TO_SIGMA * float(np.median(np.abs(np.asarray(history) - middle)))
    return (change - middle) / spread if spread else None
