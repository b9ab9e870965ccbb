"""A whole stack that can be broken: traps, parts held down, and further workers."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from faults.processes.armed import POINTS
from faults.processes.launcher import command_of, held, trap_of
from local.child import Child, Program
from local.ports import free_port
from local.services import answers_ready
from local.settings import LogKind, inherited_environment
from local.stack import Stack

LAUNCHER = Path(__file__).parents[1] / "processes" / "launcher.py"
TICK_SECONDS = 0.05
Action = Literal["SIGKILL", "SIGSTOP"]


def wait_until(
    true: Callable[[], bool],
    *,
    what: str,
    timeout_seconds: float,
    tick_seconds: float = TICK_SECONDS,
) -> float:
    """Poll until it is true; gives the seconds that it took. Raises TimeoutError naming `what`."""
    began = time.monotonic()
    while not true():
        if time.monotonic() - began > timeout_seconds:
            raise TimeoutError(f"{what}: not within {timeout_seconds:.0f} s")
        time.sleep(tick_seconds)
    return time.monotonic() - began


class BreakableStack(Stack):
    """See `local.stack.Stack`."""

    def __init__(self, var: Path, *, log: LogKind) -> None:
        super().__init__(var, log=log, launcher=(str(LAUNCHER),))
        self._workers: dict[str, Child] = {}

    def stop(self) -> None:
        for name in list(self._workers):
            self.end_worker(name)
        super().stop()

    def process(self, name: str) -> int:
        return self._workers[name].pid if name in self._workers else super().process(name)

    # Traps.

    def set_trap(
        self,
        name: str,
        point: str,
        *,
        action: Action = "SIGKILL",
        nth: int = 1,
        database: str | None = None,
    ) -> int:
        """At the nth pass of the point the process sends itself the signal; gives its pid now.

        `database` leaves out what it does in others: the relay empties one outbox in each.
        """
        assert point in POINTS, f"{point} is none of {sorted(POINTS)}"
        trap = {"point": point, "action": action, "pass": nth, "database": database}
        file = trap_of(self.var.root, name)
        file.parent.mkdir(exist_ok=True)
        incoming = file.with_suffix(".incoming")
        incoming.write_text(json.dumps(trap))
        pid = self.process(name)
        incoming.rename(file)
        return pid

    def wait_until_sprung(self, name: str, *, timeout_seconds: float = 60.0) -> None:
        file = trap_of(self.var.root, name)
        what = f"{name} comes to the point where a trap is set for it"
        wait_until(lambda: not file.exists(), what=what, timeout_seconds=timeout_seconds)

    # Parts that are down for a while.

    @contextmanager
    def down(self, name: str) -> Iterator[None]:
        """`kill -9`, and not started again before the end of the block."""
        note = held(self.var.root) / name
        note.parent.mkdir(exist_ok=True)
        note.touch()
        try:
            self.kill(name)
            yield
        finally:
            note.unlink()

    @property
    def workers(self) -> list[str]:
        return list(self._workers)

    # Workers beside the one of the service `metrics`.

    def start_worker(self, slot: int) -> str:
        """One more `metrics.worker`; gives its name, by which it can be killed and trapped."""
        name, port = f"worker-{slot}", free_port()
        environment = inherited_environment() | self.plan._service("metrics")
        program = Program(
            name=name,
            command=command_of(self.var.root, name, "metrics.worker"),
            environment={
                **environment,
                "WORKER_SLOT": str(slot),
                "PORT": str(free_port()),
                "TELEMETRY_PORT": str(port),
            },
            log=self.var.log(name),
        )
        child = self._workers[name] = Child(program).start()
        child.wait_until(lambda: answers_ready(port), timeout_seconds=60)
        return name

    def end_worker(self, name: str, *, kind: signal.Signals = signal.SIGTERM) -> None:
        child = self._workers.pop(name)
        if child.exit_code() is None:
            os.kill(child.pid, signal.SIGCONT)
            child.process.send_signal(kind)
        child.stop()
