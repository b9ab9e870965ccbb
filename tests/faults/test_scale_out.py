"""Workers of the metrics service come and go under load; the views stay exact."""

import time
from signal import SIGKILL, SIGTERM

import pytest

from faults.harness import witnesses
from faults.harness.locks import LockWatch
from faults.harness.rows import LONG, only
from faults.harness.run import Run
from faults.harness.stack import wait_until

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1200), only("kafka")]

CHANGES = 30 if LONG else 4
EVERY_SECONDS = 2.0 if LONG else 1.0


def wait_until_shared(run: Run, *, workers: int) -> None:
    """Until so many workers own all partitions, in parts that differ by one at most."""

    def shared() -> bool:
        parts = witnesses.owners(run.stack).values()
        return len(parts) == workers and max(parts) - min(parts) <= 1

    wait_until(shared, what=f"{workers} workers share")


def test_one_two_and_four_workers_share_twelve_partitions(run: Run) -> None:
    with LockWatch(run.stack, "metrics") as locks, run.load():
        workers = [run.stack.start_worker(1)]
        wait_until_shared(run, workers=2)
        run.driver.wait_acknowledged(20)
        workers += [run.stack.start_worker(slot) for slot in (2, 3)]
        wait_until_shared(run, workers=4)
        run.driver.wait_acknowledged(20)
        run.stack.end(workers.pop(), kind=SIGKILL)
        for worker in workers:
            run.stack.end(worker)
        run.nemesis.note("workers added and removed")
        wait_until_shared(run, workers=1)
    run.check()
    run.result.seen["waiting for a row"] = f"{locks.share:.1%} of {locks.samples} samples"
    assert locks.deadlocks == 0
    assert locks.share < 0.05


def test_a_storm_of_rebalances_leaves_no_gap_and_no_overlap(run: Run) -> None:
    with run.load():
        for _ in range(CHANGES):
            turn = time.monotonic()
            free = {1, 2, 3} - {int(name[-1]) for name in run.stack.extras}
            if not free or (run.stack.extras and run.draw.random() < 0.5):
                kind = run.draw.choice([SIGKILL, SIGTERM])
                run.stack.end(run.draw.choice(run.stack.extras), kind=kind)
                run.nemesis.note(f"{kind.name} a worker")
            else:
                run.stack.start_worker(min(free))
                run.nemesis.note("start a worker")
            time.sleep(max(0.0, turn + EVERY_SECONDS - time.monotonic()))
        for worker in run.stack.extras:
            run.stack.end(worker)
        run.nemesis.note("the others leave")
    run.check()
