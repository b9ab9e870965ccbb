"""The figures are made anew during live traffic, and are the same."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from faults.harness.rows import only
from faults.harness.run import Run
from faults.harness.stack import PATIENCE_SECONDS

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1200), only("kafka")]

READ_SECONDS = 0.05
POINTS = ("rebuild: generation added", "rebuild: cells written", "rebuild: before switch")


def test_a_rebuild_killed_three_times_during_live_traffic_ends_with_the_same_figures(
    run: Run,
) -> None:
    with run.load(), reading(run, run.sell()) as read:
        make_outdated(run)
        run.nemesis.kill_at_each("metrics", *POINTS)
        run.driver.wait_acknowledged(20)
        await_answer(read)
    run.check()
    assert read.keys() <= {1, None}, "readers saw figures that were not whole"
    followed = run.read_everything()
    make_outdated(run)
    run.nemesis.kill("metrics")
    assert run.read_everything() == followed


@contextmanager
def reading(run: Run, product: str) -> Iterator[Counter[int | None]]:
    """Read the sales of a product all the while; what was seen, None where nobody answered."""
    seen: Counter[int | None] = Counter()
    over = threading.Event()

    def read() -> None:
        while not over.wait(READ_SECONDS):
            seen[run.sales_of(product)] += 1

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield seen
    finally:
        over.set()
        reader.join()


def await_answer(seen: Counter[int | None]) -> None:
    """Until a reader got a figure: while it is killed again and again nobody may be there."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not seen[1]:
        assert time.monotonic() < deadline, "no figure was answered after the last kill"
        time.sleep(READ_SECONDS)


def make_outdated(run: Run) -> None:
    """As if the figures in force had been made by an earlier release."""
    outdate = "UPDATE generations SET catalogue_version = 'outdated'"
    run.stack.plan.postgres.execute(outdate, database="metrics")
