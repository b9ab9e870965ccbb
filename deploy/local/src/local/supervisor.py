"""Keeps the processes of a stack running: starts in order, restarts what dies, ends in reverse.

One thread and one loop: the kernel ties a child to the thread that started it (see `local.leash`).
"""

import signal
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import psutil

from local.child import Child, Program, last_line
from local.errors import CannotStart
from local.services import Unit
from local.state import ProcessState, Running, Var

TICK_SECONDS = 0.2
START_TIMEOUT_SECONDS = 120.0
FIRST_DELAY_SECONDS = 0.25
LONGEST_DELAY_SECONDS = 30.0
# Having lived this long, a process that dies is restarted at once again.
STABLE_SECONDS = 60.0
LOG_CHECK_SECONDS = 10.0

Say = Callable[[str], None]


@dataclass
class Supervised:
    """A unit, its current process and the history of its deaths."""

    unit: Unit
    child: Child
    started_at: float = field(default_factory=time.monotonic)
    ready: bool = False
    restarts: int = 0
    deaths_in_a_row: int = 0
    restart_at: float | None = None

    @property
    def name(self) -> str:
        return self.unit.program.name

    def delay_seconds(self) -> float:
        """How long to wait before the next start."""
        return float(
            min(FIRST_DELAY_SECONDS * 2.0 ** (self.deaths_in_a_row - 1), LONGEST_DELAY_SECONDS)
        )

    def note_death(self, now: float) -> None:
        lived = now - self.started_at
        self.deaths_in_a_row = 1 if lived >= STABLE_SECONDS else self.deaths_in_a_row + 1
        self.ready = False
        self.restart_at = now + self.delay_seconds()

    def restart(self, now: float) -> None:
        self.child = Child(self.unit.program).start()
        self.restarts += 1
        self.started_at = now
        self.restart_at = None

    @property
    def state(self) -> str:
        if self.restart_at is not None:
            return "dead"
        return "ready" if self.ready else "starting"


class Interrupted(Exception):
    """Ctrl-C or SIGTERM came while something was being started."""


class Supervisor:
    """The life of one stack. `running` is published to var/run at every change."""

    def __init__(self, var: Var, running: Running, *, say: Say) -> None:
        self._var = var
        self._running = running
        self._say = say
        self._layers: list[list[Supervised]] = []
        self._stop_requested = False

    @contextmanager
    def signals(self) -> Iterator[None]:
        """Turn Ctrl-C, SIGTERM and a closed terminal into a request to end in order."""
        kinds = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {kind: signal.signal(kind, self._request_stop) for kind in kinds}
        try:
            yield
        finally:
            for kind, handler in before.items():
                signal.signal(kind, handler)

    def _request_stop(self, _signal_number: int, _frame: object) -> None:
        self._stop_requested = True

    def start(self, units: Sequence[Unit]) -> None:
        """Start a layer side by side and wait until all of it is ready.

        Raises CannotStart when one of them ends or takes too long, Interrupted on Ctrl-C.
        """
        layer: list[Supervised] = []
        self._layers.append(layer)
        for unit in units:
            layer.append(Supervised(unit, Child(unit.program).start()))
            self.publish()
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while waiting := [supervised for supervised in layer if not supervised.ready]:
            for supervised in waiting:
                check_alive(supervised.child)
                supervised.ready = supervised.unit.is_ready()
            self._check_interrupted()
            if time.monotonic() > deadline:
                late = waiting[0]
                raise CannotStart(
                    f"{late.name} was not ready within {START_TIMEOUT_SECONDS:.0f} s: "
                    f"{last_line(late.unit.program.log)}",
                    mend=f"see {late.unit.program.log}",
                )
            time.sleep(TICK_SECONDS / 4)
        self.publish()

    def run_once(self, programs: Iterable[Program]) -> None:
        """Run commands side by side to their end. Raises CannotStart or Interrupted."""
        children = [Child(program).start() for program in programs]
        try:
            while any(child.exit_code() is None for child in children):
                self._check_interrupted()
                time.sleep(TICK_SECONDS / 4)
        finally:
            for child in children:
                child.kill()
        for child in children:
            if child.exit_code() != 0:
                check_alive(child)

    def _check_interrupted(self) -> None:
        if self._stop_requested:
            raise Interrupted

    def watch(self) -> None:
        """Restart what dies, until a stop is requested."""
        self._running.phase = "ready"
        self.publish()
        next_log_check = time.monotonic()
        while not self._stop_requested:
            now = time.monotonic()
            for supervised in self._all():
                self._look_after(supervised, now)
            if now >= next_log_check:
                next_log_check = now + LOG_CHECK_SECONDS
                for supervised in self._all():
                    supervised.child.trim_log()
            time.sleep(TICK_SECONDS)

    def _look_after(self, supervised: Supervised, now: float) -> None:
        if supervised.restart_at is None:
            exit_code = supervised.child.exit_code()
            if exit_code is not None:
                supervised.note_death(now)
                self._say(
                    f"{supervised.name} died ({cause(exit_code)}); starting it again in "
                    f"{supervised.delay_seconds():.1f} s (log: {supervised.unit.program.log})"
                )
                self.publish()
            elif not supervised.ready and supervised.unit.is_ready():
                supervised.ready = True
                self._say(f"{supervised.name} is back after {now - supervised.started_at:.1f} s")
                self.publish()
        elif now >= supervised.restart_at:
            supervised.restart(now)
            self.publish()

    def stop(self) -> None:
        """End everything, the last started first; a layer ends side by side."""
        self._running.phase = "stopping"
        self.publish()
        while self._layers:
            layer = self._layers.pop()
            for supervised in layer:
                supervised.child.ask_to_stop()
            for supervised in layer:
                supervised.child.stop()

    def _all(self) -> Iterator[Supervised]:
        for layer in self._layers:
            yield from layer

    def publish(self) -> None:
        """Write down what runs, for `tandem status`, `make down` and a clean-up after our death."""
        self._running.processes = {
            supervised.name: ProcessState(
                pid=supervised.child.pid,
                created=created(supervised.child.pid),
                state=supervised.state,
                restarts=supervised.restarts,
            )
            for supervised in self._all()
        }
        self._running.save(self._var.running)


def check_alive(child: Child) -> None:
    """Raises CannotStart with the last words of a program that has ended."""
    exit_code = child.exit_code()
    if exit_code is not None:
        raise CannotStart(
            f"{child.program.name} could not start ({cause(exit_code)}): "
            f"{last_line(child.program.log)}",
            mend=f"see {child.program.log}",
        )


def cause(exit_code: int) -> str:
    """The exit code in words."""
    if exit_code < 0:
        return f"killed by {signal.Signals(-exit_code).name}"
    return f"exit code {exit_code}"


def created(pid: int) -> float:
    """When the process began; 0 for one that is gone already."""
    try:
        return psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return 0.0
