import asyncio
import time
from itertools import pairwise

from bench.schedule import Schedule, is_kept, keep


def test_a_low_rate_has_an_event_in_each_transaction() -> None:
    schedule = Schedule(100, 3)
    assert (schedule.events_a_transaction, schedule.transactions, schedule.events) == (1, 300, 300)


def test_a_high_rate_has_several_events_in_each_and_loses_none_of_its_rate() -> None:
    schedule = Schedule(20_000, 2)
    assert schedule.events_a_transaction == 100
    assert schedule.events == 40_000
    assert max(schedule.offsets()) < 2


def test_due_times_are_equally_far_apart() -> None:
    offsets = list(Schedule(200, 1).offsets())
    assert offsets[0] == 0
    assert {round(b - a, 9) for a, b in pairwise(offsets)} == {0.005}


async def test_a_slow_transaction_delays_those_behind_it_and_their_delay_counts() -> None:
    """The omission that an open loop must not have: waiting is measured, not left out."""

    async def transact(number: int, _due: float) -> None:
        if number == 0:
            await asyncio.sleep(0.3)

    taken = await keep(Schedule(100, 0.1), transact, sessions=1)
    assert len(taken) == 10
    assert all(seconds > 0.2 for seconds in taken)


async def test_no_transaction_begins_before_it_is_due() -> None:
    early = []

    async def transact(_number: int, due: float) -> None:
        early.append(time.time() < due)

    await keep(Schedule(100, 0.1), transact, sessions=4)
    assert early == [False] * 10


def test_a_schedule_is_kept_as_long_as_one_transaction_of_a_hundred_is_late() -> None:
    assert is_kept([0.01] * 99 + [3.0])
    assert not is_kept([0.01] * 98 + [3.0] * 2)
