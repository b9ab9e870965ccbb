"""The relay dies and stalls: its copies are dropped, and nothing is lost."""

import pytest

from faults.harness.run import Run

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]


def test_a_relay_killed_between_acknowledgement_and_delete_only_doubles(run: Run) -> None:
    with run.load():
        nth = run.draw.randint(1, 5)
        run.nemesis.kill_at("relay", "relay: acknowledged", nth=nth, database="pipeline")
    run.check()
    assert run.result.copies > 0
