"""A whole stack as an object, for tests and tools: a launcher like that of `make up`, apart."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from local import preflight
from local.child import last_line, leashed
from local.errors import CannotStart
from local.identity import DEFAULT_TTL_SECONDS, Issuer
from local.ports import Ports
from local.services import SERVICES, Plan
from local.settings import LogKind, Settings, inherited_environment
from local.state import Running, Var

START_TIMEOUT_SECONDS = 180.0
STOP_TIMEOUT_SECONDS = 60.0
TICK_SECONDS = 0.05


class Stack:
    """A stack on its own var/ and ports; it ends with the program that holds this object."""

    def __init__(
        self,
        var: Path,
        *,
        ports: Ports | None = None,
        log: LogKind | None = "kafka",
        launcher: Sequence[str] = ("-m", "local"),
    ) -> None:
        """`launcher` is what Python runs; tests that break things have one of their own."""
        self._program = (sys.executable, *launcher)
        self.var = Var(var.absolute())
        self.ports = ports or Ports.free()
        self.log = log
        self._launcher: subprocess.Popen[bytes] | None = None

    @property
    def plan(self) -> Plan:
        return Plan(
            var=self.var,
            ports=self.ports,
            log=self.log or self.var.log_choice or "kafka",
            settings=Settings(var=self.var.root, log=self.log),
        )

    @property
    def url(self) -> str:
        """The gateway: the front door."""
        return self.urls["gateway"]

    @property
    def urls(self) -> dict[str, str]:
        return {service: self.plan.url(service) for service in SERVICES}

    def database_url(self, service: str) -> str:
        return self.plan.postgres.url(service)

    @property
    def event_log(self) -> str:
        return self.plan.event_log

    def token(
        self,
        *roles: str,
        teams: Sequence[str] = ("*",),
        sources: Sequence[str] = (),
        ttl_seconds: int = DEFAULT_TTL_SECONDS,
    ) -> str:
        """A token of the stack's development issuer."""
        return Issuer(self.var.identity).token(
            roles, teams=teams, sources=sources, ttl_seconds=ttl_seconds
        )

    def start(
        self, *, timeout_seconds: float = START_TIMEOUT_SECONDS, detached: bool = False
    ) -> Self:
        """Start, and wait until all is ready. Raises CannotStart with the launcher's own line.

        A detached stack stays when this program ends; `local.launcher.take_down` ends it.
        """
        if self._launcher is not None:
            self._launcher.poll()  # one that was ended from outside must not stay a zombie
        console = self.var.log("launcher")
        try:
            console.parent.mkdir(parents=True, exist_ok=True)
        except OSError:
            preflight.check_var(self.var)
            raise
        choices = self.ports.environment | {"VAR": str(self.var.root), "LOG": self.log or ""}
        command = list(self._program)
        if not detached:
            command = leashed(command, stop_signal=signal.SIGTERM, account=None)
        with console.open("ab") as output:
            self._launcher = subprocess.Popen(
                command,
                env=inherited_environment() | choices,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + timeout_seconds
        while not self._is_ready():
            if self._launcher.poll() is not None:
                raise CannotStart(last_line(console), mend=f"see {console}")
            if time.monotonic() > deadline:
                self.stop()
                raise CannotStart(
                    f"not ready within {timeout_seconds:.0f} s", mend=f"see {console}"
                )
            time.sleep(TICK_SECONDS)
        return self

    def _is_ready(self) -> bool:
        running = self.running
        return (
            running is not None
            and running.launcher.pid == self.launcher_pid
            and running.phase == "ready"
        )

    @property
    def launcher_pid(self) -> int | None:
        return self._launcher.pid if self._launcher else None

    @property
    def running(self) -> Running | None:
        return Running.load(self.var.running)

    def stop(self) -> None:
        """End everything in order, as Ctrl-C does."""
        if self._launcher is None:
            return
        self._launcher.terminate()
        try:
            self._launcher.wait(STOP_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            self._launcher.kill()
            self._launcher.wait()
        self._launcher = None

    def process(self, name: str) -> int:
        """The pid under which a part runs now: postgres, kafka, relay or a service."""
        running = self.running
        if running is None or name not in running.processes:
            raise LookupError(
                f"no process {name!r}; there are {sorted(running.processes) if running else 'none'}"
            )
        return running.processes[name].pid

    def kill(self, name: str) -> int:
        """`kill -9` a part; gives the pid that it had. The launcher starts it again."""
        return self.send_signal(name, signal.SIGKILL)

    def send_signal(self, name: str, kind: signal.Signals) -> int:
        pid = self.process(name)
        os.kill(pid, kind)
        return pid

    def wait_until_back(self, name: str, *, was: int, timeout_seconds: float = 60.0) -> int:
        """Wait until the part runs and serves under another pid than `was`; gives the new one."""
        deadline = time.monotonic() + timeout_seconds
        while time.monotonic() < deadline:
            running = self.running
            if running is not None:
                now = running.processes[name]
                if now.pid != was and now.state == "ready":
                    return now.pid
            time.sleep(TICK_SECONDS)
        raise TimeoutError(
            f"{name} was not back within {timeout_seconds:.0f} s; see {self.var.log(name)}"
        )

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
