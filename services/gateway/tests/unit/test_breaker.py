from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from gateway.proxy.breaker import Attempt, Breaker, BreakerSettings, CircuitOpen, State

RULES = BreakerSettings(
    window_seconds=10,
    minimum_failures=3,
    failure_ratio=0.5,
    cool_down_seconds=1,
    maximum_cool_down_seconds=4,
)


class Time:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def state(breaker: Breaker) -> State:
    """The state anew at each look; a property would be taken to stay what it was."""
    return breaker.state


def opened() -> tuple[Breaker, Time]:
    time = Time()
    breaker = Breaker(RULES, time)
    for _ in range(3):
        breaker.admit().failed()
    return breaker, time


def test_circuit_opens_at_the_minimum_and_says_when_to_come_back() -> None:
    time = Time()
    breaker = Breaker(RULES, time)
    breaker.admit().failed()
    breaker.admit().failed()
    assert state(breaker) is State.CLOSED
    breaker.admit().failed()
    assert state(breaker) is State.OPEN
    with pytest.raises(CircuitOpen) as caught:
        breaker.admit()
    assert caught.value.retry_after_seconds == 1


def test_few_failures_among_many_successes_keep_it_closed() -> None:
    breaker = Breaker(RULES, Time())
    for _ in range(10):
        breaker.admit().succeeded()
    for _ in range(9):
        breaker.admit().failed()
    assert state(breaker) is State.CLOSED
    breaker.admit().failed()
    assert state(breaker) is State.OPEN


def test_failures_leave_the_window() -> None:
    time = Time()
    breaker = Breaker(RULES, time)
    breaker.admit().failed()
    breaker.admit().failed()
    time.seconds += 11
    breaker.admit().failed()
    assert state(breaker) is State.CLOSED


def test_one_probe_after_the_cool_down_decides() -> None:
    breaker, time = opened()
    time.seconds += 1
    assert state(breaker) is State.HALF_OPEN
    probe = breaker.admit()
    with pytest.raises(CircuitOpen):
        breaker.admit()
    probe.succeeded()
    assert state(breaker) is State.CLOSED


def test_failed_probes_double_the_cool_down_to_its_maximum() -> None:
    breaker, time = opened()
    waits = []
    for _ in range(4):
        waits.append(_wait(breaker, time))
        breaker.admit().failed()
    assert waits == [1, 2, 4, 4]


def _wait(breaker: Breaker, time: Time) -> float:
    with pytest.raises(CircuitOpen) as caught:
        breaker.admit()
    time.seconds += caught.value.retry_after_seconds
    return caught.value.retry_after_seconds


def test_abandoned_probe_leaves_the_next_call_to_probe() -> None:
    breaker, time = opened()
    time.seconds += 1
    breaker.admit().abandoned()
    breaker.admit().succeeded()
    assert state(breaker) is State.CLOSED


def test_late_outcomes_from_before_the_outage_change_nothing() -> None:
    time = Time()
    breaker = Breaker(RULES, time)
    old = [breaker.admit() for _ in range(10)]
    for attempt in old[:3]:
        attempt.failed()
    assert state(breaker) is State.OPEN
    old[3].succeeded()
    assert state(breaker) is State.OPEN
    time.seconds += 1
    breaker.admit().succeeded()
    for attempt in old[4:]:
        attempt.failed()
    assert state(breaker) is State.CLOSED


class AnyHistory(RuleBasedStateMachine):
    """Whatever calls come, end and fail in whatever order, the promises hold."""

    attempts = Bundle("attempts")

    def __init__(self) -> None:
        super().__init__()
        self.time = Time()
        self.breaker = Breaker(RULES, self.time)
        self.probes: list[Attempt] = []
        self.closed_failures = 0

    @rule(target=attempts)
    def call(self) -> Any:
        before = state(self.breaker)
        try:
            attempt = self.breaker.admit()
        except CircuitOpen as error:
            return self._refused(before, error)
        assert before is not State.OPEN
        if before is State.HALF_OPEN:
            self.probes = [attempt]
        return attempt

    def _refused(self, before: State, error: CircuitOpen) -> None:
        assert before is not State.CLOSED
        assert 0 < error.retry_after_seconds <= RULES.maximum_cool_down_seconds

    @rule(attempt=consumes(attempts), outcome=st.sampled_from(["succeeded", "failed", "abandoned"]))
    def end(self, attempt: Attempt | None, outcome: str) -> None:
        if attempt is None:
            return
        before = state(self.breaker)
        getattr(attempt, outcome)()
        after = state(self.breaker)
        if before is State.OPEN:
            assert after is State.OPEN, "only time ends an open circuit"
        if before is State.HALF_OPEN and after is State.CLOSED:
            assert attempt in self.probes, "only the probe closes a circuit"
            assert outcome == "succeeded"
        if after is State.OPEN and before is not State.OPEN:
            assert outcome == "failed"
        attempt.failed()
        assert state(self.breaker) is after, "only the first outcome counts"

    @rule(seconds=st.floats(0.01, 15))
    def pass_time(self, seconds: float) -> None:
        before = state(self.breaker)
        self.time.seconds += seconds
        assert state(self.breaker) is before or before is State.OPEN

    @invariant()
    def memory_is_bounded(self) -> None:
        assert len(self.breaker._window) <= 11


AnyHistory.TestCase.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
TestAnyHistory = AnyHistory.TestCase
