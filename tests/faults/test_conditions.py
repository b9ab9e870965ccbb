"""Connections that are cut, silent or slow, a slow disk, a clock that is wrong: all goes on by
itself, and stays exact.
"""

import time
from collections.abc import Iterator

import pytest

from faults.conftest import RunOn
from faults.harness.exposed import LINKS, ExposedStack, can_compile
from faults.harness.run import Run

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not can_compile(), reason="needs cc, for weather.c"),
]

FAULT_SECONDS = 1.5


@pytest.fixture(scope="module", params=["kafka", "postgres"])
def exposed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ExposedStack]:
    folder = tmp_path_factory.mktemp(f"exposed-{request.param}")
    with ExposedStack(folder / "var", log=request.param, links=LINKS, weather=True) as stack:
        yield stack


@pytest.fixture
def run(exposed: ExposedStack, run_on: RunOn) -> Run:
    return run_on(exposed)


@pytest.mark.long_on("postgres")
def test_every_connection_cut_in_turn(run: Run, exposed: ExposedStack) -> None:
    with run.load():
        for link in run.draw.sample(LINKS, len(LINKS)):
            with exposed.links[link].cut():
                time.sleep(FAULT_SECONDS)
            run.nemesis.note(f"cut {link}")
            run.driver.wait_acknowledged(5)
            exposed.links[link].reset()
            run.nemesis.note(f"reset {link}")
    run.check()


@pytest.mark.long_on("postgres")
def test_every_connection_silent_in_turn(run: Run, exposed: ExposedStack) -> None:
    with run.load():
        for link in run.draw.sample(LINKS, len(LINKS)):
            with exposed.links[link].frozen():
                time.sleep(FAULT_SECONDS)
            run.nemesis.note(f"silence {link}")
    run.check()


@pytest.mark.long_on("postgres")
def test_every_connection_slow_at_once(run: Run, exposed: ExposedStack) -> None:
    with run.load():
        for link in LINKS:
            with exposed.links[link].slow(latency_seconds=0.05, bytes_per_second=200_000):
                run.driver.wait_acknowledged(8)
            run.nemesis.note(f"slow {link}")
    run.check()
    assert all(proxy.bytes_passed for proxy in exposed.links.values()), "each stands in its way"


@pytest.mark.long
@pytest.mark.parametrize("link", LINKS)
def test_a_connection_whose_peer_has_vanished(run: Run, exposed: ExposedStack, link: str) -> None:
    """Half-open: nothing ever comes, and nobody says so. Only a watch or a time limit helps."""
    with run.load():
        exposed.links[link].lose()
        run.nemesis.note(f"half-open {link}")
    run.check()


@pytest.mark.long_on("postgres")
def test_a_disk_that_takes_200_ms_to_keep_what_it_is_given(run: Run, exposed: ExposedStack) -> None:
    with run.load(), exposed.slow_fsync(run.nemesis, milliseconds=200):
        run.driver.wait_acknowledged(15)
    run.check()


@pytest.mark.long_on("postgres")
def test_a_service_whose_clock_is_an_hour_wrong(run: Run, exposed: ExposedStack) -> None:
    with run.load():
        for hours in run.draw.sample([1, -1], 2):
            with exposed.clock_shifted(run.nemesis, "pipeline", hours=hours):
                run.driver.wait_acknowledged(40)
    run.check()
