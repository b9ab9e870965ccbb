"""A service dies around its commit: row and event are there together, or not at all."""

import pytest

from faults.harness.rows import only
from faults.harness.run import Run

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1200), only("kafka")]


@pytest.mark.parametrize(
    ("service", "point"),
    [
        ("pipeline", "command: before commit"),
        pytest.param("gateway", "ingress: before taking", marks=pytest.mark.long),
    ],
)
def test_a_service_killed_before_its_commit_leaves_nothing(
    run: Run, service: str, point: str
) -> None:
    with run.load():
        run.nemesis.kill_at(service, point, nth=run.draw.randint(1, 20))
    run.check()


@pytest.mark.parametrize(
    ("service", "point"),
    [
        pytest.param("pipeline", "command: after commit", marks=pytest.mark.long),
        ("gateway", "ingress: taken"),
    ],
)
def test_a_service_killed_after_its_commit_has_done_what_it_could_not_say(
    run: Run, service: str, point: str
) -> None:
    with run.load():
        run.nemesis.kill_at(service, point, nth=run.draw.randint(1, 20))
    run.check()
    # A partner asks again, and is told that it was taken before.
    assert run.result.unknown_done + run.driver.ledger.count_status("duplicate") > 0
