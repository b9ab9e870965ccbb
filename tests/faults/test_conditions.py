"""Connections that are cut, silent or slow, disks that are slow or full, a clock that is wrong:
all goes on by itself, and stays exact.
"""

import time
from pathlib import Path

import psutil
import pytest

from faults.conftest import RunOn, Stage
from faults.harness.disk import can_mount
from faults.harness.exposed import LINKS, ExposedStack, can_compile
from faults.harness.rows import only
from faults.harness.run import Run
from faults.harness.stack import BreakableStack, wait_until
from local.errors import CannotStart
from local.settings import LogKind

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(not can_compile(), reason="needs cc, for weather.c"),
]
NEEDS_ROOT = pytest.mark.skipif(not can_mount(), reason="needs root, to mount a small file system")

FAULT_SECONDS = 0.7
KAFKA_MEGABYTES = 96
POSTGRES_MEGABYTES = 320
MOST_MEMORY_BYTES = 300 << 20
"""More than any of our processes takes at rest; what waits must wait in PostgreSQL, not in them."""
OURS = ("relay", "metrics", "pipeline", "gateway")


@pytest.fixture
def exposed(stage: Stage, log: LogKind) -> ExposedStack:
    # With the PostgreSQL log every database would lie on the small disk, under all rows.
    small = KAFKA_MEGABYTES if log == "kafka" and can_mount() else 0
    return stage.stack(
        f"exposed-{log}",
        lambda var: ExposedStack(var, log=log, links=LINKS, weather=True, disk_megabytes=small),
    )


@pytest.fixture
def stack(exposed: ExposedStack) -> BreakableStack:
    return exposed


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
                run.driver.wait_acknowledged(20)
    run.check()


@NEEDS_ROOT
@only("kafka")
def test_a_full_disk_under_kafka(run: Run, exposed: ExposedStack) -> None:
    endure(run, exposed)


@NEEDS_ROOT
@pytest.mark.long
def test_a_full_disk_under_postgresql(tmp_path: Path, run_on: RunOn) -> None:
    with ExposedStack(tmp_path / "var", log="postgres", disk_megabytes=POSTGRES_MEGABYTES) as stack:
        endure(run_on(stack), stack)


def endure(run: Run, stack: ExposedStack) -> None:
    """No room: nothing is acknowledged that is not kept; with room again all goes on by itself."""
    with run.load():
        fill(run, stack)
    run.check()
    most = max(psutil.Process(stack.process(one)).memory_info().rss for one in OURS)
    run.result.seen["MiB of the largest process"] = most >> 20
    assert most < MOST_MEMORY_BYTES


def fill(run: Run, stack: ExposedStack) -> None:
    """Full until the server has died of it; it can serve again as soon as there is room."""
    server = stack.log or ""
    was = stack.process(server)
    assert stack.disk is not None
    with stack.disk.full():
        wait_until(
            lambda: hurts(run, server, was=was),
            what=f"{server} meets the full disk",
        )
    run.nemesis.note(f"full disk under {server}")


def hurts(run: Run, server: str, *, was: int) -> bool:
    """Whether the server has ended; PostgreSQL needs many new segments of its log for that."""
    if server == "postgres":
        try:
            run.stack.plan.postgres.execute("SELECT pg_switch_wal()")
        except CannotStart:
            return True
    return run.stack.process(server) != was
