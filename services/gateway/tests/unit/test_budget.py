from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.proxy.budget import RetryBudget


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 2)), max_size=300))
def test_retries_never_exceed_their_share_and_the_floor(acts: list[tuple[bool, float]]) -> None:
    now = 0.0
    budget = RetryBudget(lambda: now, ratio=0.2, floor_per_second=1.0, capacity=20.0)
    calls = retries = 0
    for is_call, pause in acts:
        now += pause
        if is_call:
            budget.deposit()
            calls += 1
        else:
            retries += budget.withdraw()
    assert retries <= 1 + 0.2 * calls + now + 1e-6


def test_capacity_bounds_a_burst_after_a_quiet_day() -> None:
    now = 0.0
    budget = RetryBudget(lambda: now, capacity=20.0)
    now = 86_400.0
    assert sum(budget.withdraw() for _ in range(100)) == 20
