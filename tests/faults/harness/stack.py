"""A whole stack that can be broken: traps, parts held down, and further processes."""

import json
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from faults.processes.armed import POINTS, put
from faults.processes.launcher import command_of, held, trap_of
from faults.processes.warm import RELAY, SERVICE, WarmChild, warm_up
from local.child import Program
from local.ports import free_port
from local.services import SERVICES, answers_ready
from local.settings import LogKind, inherited_environment
from local.stack import Stack

LAUNCHER = Path(__file__).parents[1] / "processes" / "launcher.py"
TICK_SECONDS = 0.05
PATIENCE_SECONDS = 240.0
"""For what has to come about, on a machine that may do much else; the report says what it took."""
Action = Literal["SIGKILL", "SIGSTOP"]


def wait_until(
    true: Callable[[], bool],
    *,
    what: str,
    timeout_seconds: float = PATIENCE_SECONDS,
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
        self._extras: dict[str, WarmChild] = {}

    def stop(self) -> None:
        for name in self.extras:
            self.end(name)
        super().stop()

    def process(self, name: str) -> int:
        return self._extras[name].pid if name in self._extras else super().process(name)

    # Traps.

    def set_trap(
        self,
        name: str,
        point: str,
        *,
        action: Action = "SIGKILL",
        nth: int = 1,
        database: str | None = None,
        rows: int = 0,
    ) -> int:
        """At the nth pass of the point the process sends itself the signal; gives its pid now.

        Several traps spring one after the other, each in whatever process then has the name.

        `database` leaves out what it does in others (the relay empties one outbox in each), `rows`
        what is about fewer rows (a beat of the heart alone, for one).
        """
        assert point in POINTS, f"{point} is none of {sorted(POINTS)}"
        trap = {
            "point": point,
            "action": action,
            "pass": nth,
            "database": database,
            "rows": rows,
        }
        file = trap_of(self.var.root, name)
        file.parent.mkdir(exist_ok=True)
        pid = self.process(name)
        put(file, [*(json.loads(file.read_text()) if file.exists() else []), trap])
        return pid

    def wait_until_sprung(self, name: str) -> None:
        file = trap_of(self.var.root, name)
        what = f"{name} comes to where a trap is set for it"
        wait_until(lambda: not file.exists(), what=what)

    # Parts that are down for a while.

    @contextmanager
    def held(self, name: str) -> Iterator[None]:
        """Should it die, it is not started again before the end of the block."""
        note = held(self.var.root) / name
        note.parent.mkdir(exist_ok=True)
        note.touch()
        try:
            yield
        finally:
            note.unlink()

    # Processes beside those of the launcher, which nobody restarts.

    @property
    def extras(self) -> list[str]:
        return list(self._extras)

    def start_worker(self, slot: int) -> str:
        """One more `metrics.worker`; gives its name, by which it can be killed and trapped."""
        environment = self.plan._service("metrics") | {"WORKER_SLOT": str(slot)}
        return self._start_extra(f"worker-{slot}", "metrics.worker", environment)

    def start_relay(self) -> str:
        """One more relay; it gets the shards that the other lets go of."""
        plan = self.plan
        outboxes = ",".join(plan.postgres.url(service) for service in SERVICES)
        environment = plan._common("relay") | {"OUTBOX_URLS": outboxes}
        return self._start_extra("relay-2", "chassis.relay", environment)

    def _start_extra(self, name: str, module: str, environment: dict[str, str]) -> str:
        warm_up(["metrics.app", SERVICE, RELAY])
        port = free_port()
        ports = {"PORT": str(free_port()), "TELEMETRY_PORT": str(port)}
        program = Program(
            name=name,
            command=command_of(self.var.root, name, module),
            environment=inherited_environment() | environment | ports,
            log=self.var.log(name),
        )
        child = self._extras[name] = WarmChild(program).start()
        child.wait_until(lambda: answers_ready(port), timeout_seconds=PATIENCE_SECONDS)
        return name

    def end(self, name: str, *, kind: signal.Signals = signal.SIGTERM) -> None:
        """End a process that was started beside the launcher's."""
        child = self._extras.pop(name)
        if child.exit_code() is None:
            child.process.send_signal(signal.SIGCONT)
            child.process.send_signal(kind)
        child.stop()

    def said(self, name: str, word: str) -> int:
        """How many lines of its log have the word."""
        text = self.var.log(name).read_text(encoding="utf-8", errors="replace")
        return sum(word in line for line in text.splitlines())
