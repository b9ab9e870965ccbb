"""How many retries a service may be sent: a share of its calls plus a small floor.

Without a budget every caller's retry multiplies an outage; with one, retries
add at most `ratio` to the load (Finagle's retry budget).
"""

from __future__ import annotations

from collections.abc import Callable


class RetryBudget:
    """A bucket: a call puts `ratio` in, a second `floor_per_second`; a retry takes one out."""

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        ratio: float = 0.2,
        floor_per_second: float = 1.0,
        capacity: float = 20.0,
    ) -> None:
        self._clock = clock
        self._ratio = ratio
        self._floor_per_second = floor_per_second
        self._capacity = capacity
        self._tokens = floor_per_second
        self._refilled_at = clock()

    def deposit(self) -> None:
        """Note one first attempt."""
        self._refill(self._ratio)

    def withdraw(self) -> bool:
        """Take one retry out; False when the budget is spent."""
        self._refill(0.0)
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True

    def _refill(self, extra: float) -> None:
        now = self._clock()
        earned = (now - self._refilled_at) * self._floor_per_second + extra
        self._refilled_at = now
        self._tokens = min(self._capacity, self._tokens + earned)
