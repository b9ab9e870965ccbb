"""The broker dies and stays away: what was acknowledged stays, and waits in order."""

import time

import pytest

from faults.harness.rows import LONG, OUTAGE_SECONDS, only
from faults.harness.run import Run
from local.services import SERVICES

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1200), only("kafka")]

KILLS = 5 if LONG else 2


def test_a_broker_killed_again_and_again_keeps_what_it_acknowledged(run: Run) -> None:
    with run.load():
        run.nemesis.kill("kafka")
        for _ in range(KILLS - 1):
            run.recover()
            run.nemesis.kill("kafka")
    run.check()


def test_services_take_commands_while_the_broker_is_down_and_all_arrive_in_order(run: Run) -> None:
    were = [run.stack.process(service) for service in SERVICES]
    with run.load(), run.nemesis.down("kafka"):
        over = time.monotonic() + OUTAGE_SECONDS
        run.driver.wait_acknowledged(40)
        while time.monotonic() < over:
            run.driver.wait_acknowledged(1)
        waiting = run.stack.plan.postgres.execute(
            "SELECT count(*) FROM outbox", database="pipeline"
        )
        run.result.seen["seconds without the broker"] = f"{OUTAGE_SECONDS:.0f}"
        run.result.seen["waiting in the outbox of pipeline"] = waiting[0]
    run.check()
    assert int(waiting[0]) > 0
    assert [run.stack.process(service) for service in SERVICES] == were, "none of them has died"
