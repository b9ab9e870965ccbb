"""No room on the disk under the log: nothing is acknowledged that is not kept, and when there is
room again all goes on by itself.
"""

from pathlib import Path
from typing import Final

import psutil
import pytest

from faults.conftest import RunOn
from faults.harness.disk import SmallDisk, can_mount
from faults.harness.exposed import ExposedStack
from faults.harness.run import Run
from faults.harness.stack import wait_until
from local.errors import CannotStart
from local.settings import LogKind

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not can_mount(), reason="needs root, to mount a small file system"),
]

MEGABYTES: Final[dict[LogKind, int]] = {"kafka": 96, "postgres": 320}
MOST_MEMORY_BYTES: Final = 300 << 20
"""More than any of our processes takes at rest; what waits must wait in PostgreSQL, not in them."""
OURS: Final = ("relay", "metrics", "pipeline", "gateway")


@pytest.mark.long_on("postgres")
@pytest.mark.parametrize("log", ["kafka", "postgres"])
def test_a_full_disk_under_the_log(log: LogKind, tmp_path: Path, run_on: RunOn) -> None:
    with ExposedStack(tmp_path / "var", log=log, disk_megabytes=MEGABYTES[log]) as stack:
        run = run_on(stack)
        disk = stack.disk
        assert disk is not None
        with run.load():
            fill(run, disk)
        run.check()
        most = max(psutil.Process(stack.process(one)).memory_info().rss for one in OURS)
        run.result.seen["MiB of the largest process"] = most >> 20
        assert most < MOST_MEMORY_BYTES


def fill(run: Run, disk: SmallDisk) -> None:
    """Full until the server has died of it; it can serve again as soon as there is room."""
    server = run.stack.log or ""
    was = run.stack.process(server)
    with disk.full():
        wait_until(
            lambda: hurts(run, server, was=was),
            what=f"{server} meets the full disk",
            timeout_seconds=90,
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
