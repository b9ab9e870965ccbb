"""The consumer dies, stalls and changes hands: position and views move together, once."""

import pytest

from faults.harness import witnesses
from faults.harness.rows import only
from faults.harness.run import Run
from faults.harness.stack import wait_until

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1200)]


@pytest.mark.long_on("postgres")
def test_a_consumer_killed_around_its_commit_moves_position_and_view_together(run: Run) -> None:
    points = [
        "consumer: before positions move",
        "consumer: before commit",
        "consumer: after commit",
    ]
    run.draw.shuffle(points)
    with run.load():
        for point in points:
            run.nemesis.kill_at("metrics", point, nth=run.draw.randint(1, 3))
    run.check()


@pytest.mark.long_on("postgres")
def test_a_consumer_that_slept_past_its_membership_wakes_up_fenced(run: Run) -> None:
    fenced = run.stack.said("metrics", "Fenced")
    with run.load():
        other = hand_over_in_its_sleep(run, "consumer: before positions move")
        run.driver.wait_acknowledged(20)
        run.nemesis.resume("metrics")
        wait_until(
            lambda: run.stack.said("metrics", "Fenced") > fenced,
            what="the positions refuse the batch of the one that slept",
        )
        run.stack.end(other)
    run.check()


@pytest.mark.long
@only("kafka")
def test_a_consumer_that_sleeps_within_its_transaction_loses_it_with_its_locks(run: Run) -> None:
    """PostgreSQL ends the transaction of the one that sleeps, after thirty seconds."""
    with run.load():
        other = hand_over_in_its_sleep(run, "consumer: positions moved")
        run.nemesis.resume("metrics")
        run.stack.end(other)
    run.check()


def hand_over_in_its_sleep(run: Run, point: str) -> str:
    """Stop the worker of the service there, until another has all its partitions.

    That one is there before: PostgreSQL waits thirty seconds for a transaction that sleeps, and a
    busy machine may take longer to start a process.
    """
    asleep = set(witnesses.owners(run.stack))
    other = run.stack.start_worker(1)
    wait_until(
        lambda: bool(set(witnesses.owners(run.stack)) - asleep),
        what="the other worker has its part",
    )
    run.nemesis.stop_at("metrics", point)
    wait_until(
        lambda: not asleep & set(witnesses.owners(run.stack)),
        what="the other worker takes every partition over",
    )
    return other


@only("kafka")
def test_a_claim_that_the_database_cannot_answer_applies_nothing_from_a_wrong_place(
    run: Run,
) -> None:
    with run.load():
        run.nemesis.stop_at("metrics", "consumer: before claim", restart=True)
        with run.nemesis.down("postgres"):
            said = run.stack.said("metrics", "tries again")
            run.nemesis.resume("metrics")
            wait_until(
                lambda: run.stack.said("metrics", "tries again") > said,
                what="the claim fails",
            )
    run.check()
