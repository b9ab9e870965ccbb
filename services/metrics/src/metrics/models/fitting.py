"""Maximum likelihood: the best of several starts, which are the same every time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from scipy.optimize import minimize

from metrics.models.customers import Floats

_SEED: Final = 8_675_309
_STARTS: Final = 3
_BOUND: Final = 7.0
"""Parameters are sought between e^-7 and e^7: beyond, customers are all alike for any purpose,
and special functions lose their digits.
"""


def maximise(log_likelihood: Callable[[Floats], float], *, parameters: int) -> Floats:
    """The positive parameters under which what was observed is likeliest.

    Sought in log space, from 1 and from some seeded starts around it.
    """
    random = np.random.default_rng(_SEED)
    starts = [np.zeros(parameters), *random.normal(size=(_STARTS - 1, parameters))]
    found = [
        minimize(
            lambda logs: -log_likelihood(np.exp(logs)),
            start,
            method="L-BFGS-B",
            bounds=[(-_BOUND, _BOUND)] * parameters,
            options={"ftol": 1e-12, "gtol": 1e-8},
        )
        for start in starts
    ]
    best: Floats = np.exp(min(found, key=lambda one: float(one.fun)).x)
    return best
