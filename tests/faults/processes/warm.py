"""Starts the product's Python processes as forks of one that has loaded their modules.

Loading them takes most of such a start, and rows start hundreds. A process is otherwise what
`Child` makes it: with a pid, a session, an environment and a log of its own, and dead as soon as
whoever started it is.
"""

import ctypes
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing import forkserver
from pathlib import Path
from typing import Final

from local.child import Child, Program
from local.services import SERVICES

RELAY: Final = "chassis.lag_observer"
"""What the relay's own module loads; that one itself is run anew each time."""
SERVICE: Final = "chassis.process"
EVERYTHING: Final = (*(f"{one}.app" for one in SERVICES), SERVICE, RELAY, "chassis.migrate")
PR_SET_PDEATHSIG: Final = 1
_FORKS: Final = multiprocessing.get_context("forkserver")


def warm_up(modules: Sequence[str], *, library: str = "") -> None:
    """Begin to load, in a process beside this one that will be forked; only the first call counts.

    `library` is put before libc there (`weather.c`), since a fork keeps the one that it has.
    """
    _FORKS.set_forkserver_preload(list(modules))
    # The threads that numpy's BLAS would otherwise begin when it is loaded do not survive a fork.
    with environment({"OPENBLAS_NUM_THREADS": "1", "LD_PRELOAD": library}):
        forkserver.ensure_running()


class WarmChild(Child):
    """A `Child` that is forked where its program is one of Python."""

    def start(self) -> "WarmChild":
        if self.program.command[0] != sys.executable:
            super().start()
            return self
        self.program.log.parent.mkdir(parents=True, exist_ok=True)
        self.process = Fork(self.program)  # type: ignore[assignment] # what `Child` asks of Popen
        return self


class Fork:
    """What a `Child` asks of a process, with the names of `subprocess.Popen`."""

    def __init__(self, program: Program) -> None:
        self._process = _FORKS.Process(target=become, args=(program,), name=program.name)
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired(self._process.name, timeout or 0.0)
        return code

    def send_signal(self, kind: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, kind)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def become(program: Program) -> None:
    """Be the program from here on, as if Python had been started with its command."""
    os.setsid()
    if sys.platform == "linux":  # elsewhere the next start ends what was left (`local.leash`)
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(program.stop_signal), 0, 0, 0)
    with program.log.open("ab") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    os.environ.clear()  # noqa: TID251 - given whole by whoever starts it
    os.environ.update(program.environment)  # noqa: TID251
    _, first, *rest = program.command
    if first == "-m":
        module, *arguments = rest
        sys.argv = [module, *arguments]
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    else:
        sys.argv = [first, *rest]
        sys.path.insert(0, str(Path(first).parent))
        runpy.run_path(first, run_name="__main__")


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """What is started in the block has these too."""
    now = os.environ  # noqa: TID251 - changed, not read
    before = dict(now)
    now.update(values)
    try:
        yield
    finally:
        now.clear()
        now.update(before)
