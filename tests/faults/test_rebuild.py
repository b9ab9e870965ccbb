"""The figures are made anew during live traffic, and are the same."""

import pytest

from faults.harness.rows import only
from faults.harness.run import Run

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600), only("kafka")]

POINTS = ("rebuild: generation added", "rebuild: cells written", "rebuild: before switch")


def test_a_rebuild_killed_three_times_during_live_traffic_ends_with_the_same_figures(
    run: Run,
) -> None:
    with run.load():
        make_outdated(run)
        run.nemesis.kill_at_each("metrics", *POINTS)
    run.check()
    followed = run.read_everything()
    make_outdated(run)
    run.nemesis.kill("metrics")
    assert run.read_everything() == followed


def make_outdated(run: Run) -> None:
    """As if the figures in force had been made by an earlier release."""
    outdate = "UPDATE generations SET catalogue_version = 'outdated'"
    run.stack.plan.postgres.execute(outdate, database="metrics")
