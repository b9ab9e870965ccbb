"""A circuit breaker over a rolling window of outcomes.

Invariant: while open nothing is admitted; after the cool-down exactly one probe
is, and only its outcome closes or reopens the circuit. Outcomes of attempts
that were admitted before the last change of state change nothing: a slow
failure from before an outage cannot reopen a circuit that has just healed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum


class State(Enum):
    """Closed lets all calls through, open none, half-open one probe."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


@dataclass(frozen=True, kw_only=True)
class BreakerSettings:
    """When a service counts as failing, and how long it is then left alone."""

    window_seconds: float = 10.0
    minimum_failures: int = 5
    """Fewer failures than this never open the circuit: one bad answer among two is not 50 %."""
    failure_ratio: float = 0.5
    cool_down_seconds: float = 1.0
    """Doubles with every failed probe, up to the maximum."""
    maximum_cool_down_seconds: float = 15.0


class Outcome(Enum):
    """How an admitted call ended. Unknown: the caller left before anybody could tell."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"


_SLICES = 10
"""The window moves in tenths, so that its memory does not grow with the load."""


@dataclass
class _Slice:
    began_at: float
    calls: int = 0
    failures: int = 0


class CircuitOpen(Exception):
    """The service has just been failing; nothing is sent to it for now."""

    def __init__(self, retry_after_seconds: float) -> None:
        super().__init__(f"circuit is open for another {retry_after_seconds:.1f} s")
        self.retry_after_seconds = retry_after_seconds


class Breaker:
    """Counts outcomes of calls to one service and decides whether to try another."""

    def __init__(self, settings: BreakerSettings, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._clock = clock
        self._window: deque[_Slice] = deque()
        self._epoch = 0
        self._state = State.CLOSED
        self._opened_at = 0.0
        self._cool_down = settings.cool_down_seconds

    @property
    def state(self) -> State:
        """What the next caller meets: open until the cool-down has passed."""
        if self._state is State.OPEN and self._remaining() <= 0:
            return State.HALF_OPEN
        return self._state

    def admit(self) -> Attempt:
        """Let one call through; report its outcome on the attempt exactly once.

        Raises CircuitOpen while the service is left alone or being probed.
        """
        if self._state is State.OPEN:
            if (remaining := self._remaining()) > 0:
                raise CircuitOpen(remaining)
            self._enter(State.HALF_OPEN)
        elif self._state is State.HALF_OPEN:
            raise CircuitOpen(self._settings.cool_down_seconds)
        return Attempt(self, self._epoch)

    def _remaining(self) -> float:
        return self._opened_at + self._cool_down - self._clock()

    def _enter(self, state: State) -> None:
        self._state = state
        self._epoch += 1
        self._window.clear()

    def _open(self) -> None:
        self._opened_at = self._clock()
        self._enter(State.OPEN)

    def _report(self, epoch: int, outcome: Outcome) -> None:
        if epoch != self._epoch:
            return
        if self._state is State.HALF_OPEN:
            self._end_probe(outcome)
        elif outcome is not Outcome.UNKNOWN:
            self._count(outcome)

    def _end_probe(self, outcome: Outcome) -> None:
        if outcome is Outcome.SUCCEEDED:
            self._cool_down = self._settings.cool_down_seconds
            self._enter(State.CLOSED)
        elif outcome is Outcome.FAILED:
            self._cool_down = min(self._cool_down * 2, self._settings.maximum_cool_down_seconds)
            self._open()
        else:
            # The cool-down is over already, so that the next call is the probe.
            self._enter(State.OPEN)

    def _count(self, outcome: Outcome) -> None:
        now = self._clock()
        width = self._settings.window_seconds / _SLICES
        if not self._window or self._window[-1].began_at <= now - width:
            self._window.append(_Slice(now))
        self._window[-1].calls += 1
        self._window[-1].failures += outcome is Outcome.FAILED
        while self._window[0].began_at <= now - self._settings.window_seconds:
            self._window.popleft()
        failures = sum(part.failures for part in self._window)
        calls = sum(part.calls for part in self._window)
        if (
            failures >= self._settings.minimum_failures
            and failures >= self._settings.failure_ratio * calls
        ):
            self._open()


class Attempt:
    """One admitted call; the first outcome reported on it counts, later ones do not."""

    __slots__ = ("_breaker", "_epoch", "_reported")

    def __init__(self, breaker: Breaker, epoch: int) -> None:
        self._breaker = breaker
        self._epoch = epoch
        self._reported = False

    def succeeded(self) -> None:
        """The service answered, whatever it answered to this caller."""
        self._end(Outcome.SUCCEEDED)

    def failed(self) -> None:
        """The service did not answer, or said that it cannot."""
        self._end(Outcome.FAILED)

    def abandoned(self) -> None:
        """The caller left before an outcome was known."""
        self._end(Outcome.UNKNOWN)

    def _end(self, outcome: Outcome) -> None:
        if not self._reported:
            self._reported = True
            self._breaker._report(self._epoch, outcome)  # noqa: SLF001 - the two are one mechanism
