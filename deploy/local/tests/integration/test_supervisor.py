"""The supervisor on real processes: a real PostgreSQL and small stand-ins for services."""

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from local.child import LOG_LIMIT_BYTES, Child, Program
from local.errors import CannotStart
from local.ports import free_port
from local.postgres import Postgres
from local.services import Unit, answers_ready
from local.settings import inherited_environment
from local.stack import Stack
from local.state import ProcessState, Running, Var
from local.supervisor import Supervisor

SERVER = """
import http.server, sys
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Ready).serve_forever()
"""


def stand_in(var: Var, name: str) -> Unit:
    port = free_port()
    program = Program(
        name=name,
        command=[sys.executable, "-c", SERVER, str(port)],
        environment=inherited_environment(),
        log=var.log(name),
    )
    return Unit(program, lambda: answers_ready(port))


def broken(var: Var, script: str) -> Unit:
    program = Program(
        name="broken",
        command=[sys.executable, "-c", script],
        environment=inherited_environment(),
        log=var.log("broken"),
    )
    return Unit(program, lambda: False)


class Console:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


@pytest.fixture
def var(tmp_path: Path) -> Var:
    return Var(tmp_path / "var")


@pytest.fixture
def console() -> Console:
    return Console()


@pytest.fixture
def supervisor(var: Var, console: Console) -> Iterator[Supervisor]:
    running = Running(ProcessState(os.getpid(), 0.0), log="postgres", ports={})
    supervisor = Supervisor(var, running, say=console.say)
    yield supervisor
    supervisor.stop()


def process(var: Var, name: str) -> ProcessState:
    running = Running.load(var.running)
    assert running is not None
    return running.processes[name]


def watch_until(supervisor: Supervisor, action: "threading.Thread") -> None:
    """Let the supervisor watch in the main thread while `action` plays the outside world."""
    with supervisor.signals():
        action.start()
        supervisor.watch()
    action.join()


def test_what_dies_is_restarted_and_said_in_one_line(
    var: Var, supervisor: Supervisor, console: Console
) -> None:
    postgres = Postgres(
        data=var.postgres, port=free_port(), log=var.log("postgres"), password="secret"
    )
    postgres.prepare()
    supervisor.start([Unit(postgres.program(), postgres.is_ready)])
    supervisor.start([stand_in(var, "metrics")])
    pids = {name: process(var, name).pid for name in ("postgres", "metrics")}

    def kill_both() -> None:
        for name, pid in pids.items():
            os.kill(pid, signal.SIGKILL)
            while process(var, name).pid == pid or process(var, name).state != "ready":
                time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    watch_until(supervisor, threading.Thread(target=kill_both))

    assert postgres.execute("SELECT 1") == ["1"]
    assert process(var, "metrics").restarts == 1
    deaths = [line for line in console.lines if "died" in line]
    assert [line.split(";")[0] for line in deaths] == [
        "postgres died (killed by SIGKILL)",
        "metrics died (killed by SIGKILL)",
    ]
    assert sum("is back after" in line for line in console.lines) == 2


def test_stop_leaves_nothing_running(var: Var, supervisor: Supervisor) -> None:
    supervisor.start([stand_in(var, "customer"), stand_in(var, "ops")])
    pids = [process(var, name).pid for name in ("customer", "ops")]

    supervisor.stop()

    assert not any(psutil.pid_exists(pid) for pid in pids)


def test_a_service_that_cannot_start_is_named_with_its_last_words(
    var: Var, supervisor: Supervisor
) -> None:
    script = "import sys; print('settings: PORT is not set'); sys.exit(3)"

    with pytest.raises(CannotStart) as refusal:
        supervisor.start([broken(var, script)])

    assert str(refusal.value) == (
        f"broken could not start (exit code 3): settings: PORT is not set; see {var.log('broken')}"
    )


def test_a_one_shot_that_fails_is_named_with_its_last_words(
    var: Var, supervisor: Supervisor
) -> None:
    failing = broken(var, "raise SystemExit('no such revision')").program

    with pytest.raises(CannotStart, match=r"broken could not start \(exit code 1\): no such revis"):
        supervisor.run_once([failing])


def test_children_end_with_a_launcher_that_is_killed(var: Var) -> None:
    port = free_port()
    launcher = Program(
        name="launcher",
        command=[sys.executable, "-c", LAUNCHER, str(port), str(var.log("child"))],
        environment=inherited_environment(),
        log=var.log("launcher"),
    )
    child = Child(launcher).start()
    child.wait_until(lambda: answers_ready(port), timeout_seconds=10)

    os.kill(child.pid, signal.SIGKILL)
    child.process.wait()

    deadline = time.monotonic() + 5
    while answers_ready(port):
        assert time.monotonic() < deadline, "the child outlived its launcher"
        time.sleep(0.05)


LAUNCHER = f"""
import pathlib, sys, time
from local.child import Child, Program
SERVER = {SERVER!r}
Child(Program(name="child", command=[sys.executable, "-c", SERVER, sys.argv[1]], environment={{}},
              log=pathlib.Path(sys.argv[2]))).start()
time.sleep(60)
"""


def test_a_log_that_grows_too_large_is_moved_aside_under_the_writer(tmp_path: Path) -> None:
    program = Program(
        name="chatty",
        command=["sh", "-c", f"head -c {LOG_LIMIT_BYTES + 1} /dev/zero; read line; echo after"],
        environment=inherited_environment(),
        log=tmp_path / "chatty.log",
    )
    child = Child(program).start()
    child.process.wait(10)

    child.trim_log()

    assert program.log.stat().st_size == 0
    assert program.log.with_suffix(".log.1").stat().st_size > LOG_LIMIT_BYTES


def test_a_taken_port_is_told_before_anything_starts(tmp_path: Path) -> None:

    stack = Stack(tmp_path / "var", log="postgres")
    with (
        socket.create_server(("127.0.0.1", stack.ports["metrics"])),
        pytest.raises(CannotStart, match=r"\(metrics\) is taken by .*METRICS_PORT"),
    ):
        stack.start()

    assert not stack.var.postgres.exists()
