"""The whole of Tandem, started as `make up` does: killed parts come back, nothing is left over."""

import http.client
import os
import signal
import time
from collections.abc import Iterator
from contextlib import closing
from http import HTTPStatus
from pathlib import Path

import psutil
import pytest

from local.errors import CannotStart
from local.launcher import take_down
from local.overview import overview
from local.services import SERVICES
from local.stack import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.kafka, pytest.mark.timeout(1200)]
PATIENCE_SECONDS = 240.0


@pytest.fixture(scope="module")
def running_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("launched") / "var", log="kafka") as stack:
        yield stack


def pids(stack: Stack) -> set[int]:
    running = stack.running
    assert running is not None
    return {process.pid for process in running.processes.values()}


def alive(processes: set[int]) -> set[int]:
    return {
        pid
        for pid in processes
        if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    }


def front_door(stack: Stack) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", stack.ports["gateway"], timeout=10)
    headers = {"Authorization": f"Bearer {stack.token('boss')}"}
    with closing(connection):
        connection.request("GET", "/v1/customers?limit=1", headers=headers)
        return connection.getresponse().status


def wait_for_front_door(stack: Stack) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    status = 0
    while status != HTTPStatus.OK:
        assert time.monotonic() < deadline, f"the gateway still answers {status}"
        time.sleep(0.2)
        try:
            status = front_door(stack)
        except OSError:
            status = 0


def test_every_part_is_there_and_serves(running_stack: Stack) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (seen := overview(running_stack.var)).ready:  # beside others a probe may be late
        assert time.monotonic() < deadline, seen

    assert {part.name for part in seen.parts} == {"postgres", "kafka", "relay", *SERVICES}
    assert front_door(running_stack) == HTTPStatus.OK


@pytest.mark.parametrize("victim", ["postgres", "kafka", "relay", "customer", "gateway"])
def test_what_is_killed_comes_back_and_the_front_door_with_it(
    running_stack: Stack, victim: str
) -> None:
    was = running_stack.kill(victim)

    now = running_stack.wait_until_back(victim, was=was, timeout_seconds=PATIENCE_SECONDS)
    assert now != was
    wait_for_front_door(running_stack)
    assert overview(running_stack.var).phase == "ready"


def test_a_second_launcher_on_the_same_data_is_refused(running_stack: Stack) -> None:
    with pytest.raises(CannotStart, match=r"another launcher runs on .*; end it with `make down`"):
        Stack(running_stack.var.root, log="kafka").start()


def test_data_of_one_log_are_not_started_with_the_other(running_stack: Stack) -> None:
    # Last but two: it ends the stack of the module.
    running_stack.stop()

    with pytest.raises(CannotStart, match="were made with LOG=kafka, not postgres"):
        Stack(running_stack.var.root, log="postgres").start()


def test_ending_leaves_nothing_and_the_next_start_goes_on_with_the_data(
    running_stack: Stack,
) -> None:
    running_stack.start()
    running_stack.plan.postgres.execute("CREATE TABLE kept (n int)", database="ops")
    before = pids(running_stack)

    assert take_down(running_stack.var)
    assert not alive(before)
    assert overview(running_stack.var).phase == "down"

    running_stack.start()
    assert running_stack.plan.postgres.execute("SELECT count(*) FROM kept", database="ops") == ["0"]


def test_a_killed_launcher_takes_all_with_it_and_the_next_start_is_clean(
    running_stack: Stack,
) -> None:
    before = pids(running_stack)
    assert running_stack.launcher_pid is not None

    os.kill(running_stack.launcher_pid, signal.SIGKILL)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while alive(before) and time.monotonic() < deadline:
        time.sleep(0.1)

    assert not alive(before)
    running_stack.start()
    wait_for_front_door(running_stack)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "var").touch()

    with pytest.raises(CannotStart, match="var cannot be written: File exists"):
        Stack(tmp_path / "var").start()
