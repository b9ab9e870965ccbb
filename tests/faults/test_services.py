"""A service dies around its commit: row and event are there together, or not at all."""

import pytest

from faults.harness.rows import only
from faults.harness.run import Run

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600), only("kafka")]


@pytest.mark.parametrize("service", ["pipeline", "gateway"])
def test_a_service_killed_before_its_commit_leaves_nothing(run: Run, service: str) -> None:
    with run.load():
        run.nemesis.kill_at(service, "command: before commit", nth=run.draw.randint(1, 20))
    run.check()
    assert run.result.unknown > run.result.unknown_done


@pytest.mark.parametrize("service", ["pipeline", "ops"])
def test_a_service_killed_after_its_commit_has_done_what_it_could_not_say(
    run: Run, service: str
) -> None:
    with run.load():
        run.nemesis.kill_at(service, "command: after commit", nth=run.draw.randint(1, 20))
    run.check()
    assert run.result.unknown_done > 0
