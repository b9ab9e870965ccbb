"""The relay dies and stalls: its copies are dropped, and nothing is lost."""

import pytest

from faults.harness.run import Run
from local.services import SERVICES

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1200)]


def test_a_relay_killed_between_acknowledgement_and_delete_only_doubles(run: Run) -> None:
    with run.load():
        nth = run.draw.randint(1, 3)
        run.nemesis.kill_at("relay", "relay: acknowledged", nth=nth, database="pipeline", rows=2)
    run.check()
    assert run.result.copies > 0


@pytest.mark.long_on("postgres")
def test_a_relay_that_slept_past_the_loss_of_its_locks_sends_late_and_is_ignored(run: Run) -> None:
    with run.load():
        run.nemesis.stop("relay")
        run.driver.wait_acknowledged(30)  # so that it will have much in hand
        run.nemesis.stop_at("relay", "relay: rows read", database="pipeline", rows=10)
        assert run.nemesis.end_owners_of_outboxes(*SERVICES) > 0
        second = run.stack.start_relay()
        # What the first has in hand goes out by the second, and newer versions after it.
        run.driver.wait_acknowledged(50)
        run.wait_until_emptied("pipeline")
        run.nemesis.resume("relay")
        run.driver.wait_acknowledged(20)
        run.stack.end(second)
    run.check()
    assert run.result.late > 0
