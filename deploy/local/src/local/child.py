"""One child process: started on a leash, watched, ended; its output in a log of bounded size."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from local.errors import CannotStart

LOG_LIMIT_BYTES = 10 * 1024 * 1024
LEASH = Path(__file__).with_name("leash.py")


@dataclass(frozen=True, kw_only=True)
class Program:
    """What to run: all that a start needs to know, and nothing of any particular run."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    stop_signal: signal.Signals = signal.SIGTERM
    stop_timeout_seconds: float = 10.0
    account: str | None = None


def leashed(
    command: Sequence[str], *, stop_signal: signal.Signals, account: str | None
) -> list[str]:
    """The command line that ties `command` to the life of the calling thread's process."""
    return [
        sys.executable,
        "-IS",
        str(LEASH),
        str(int(stop_signal)),
        str(os.getpid()),
        account or "-",
        *command,
    ]


@dataclass
class Child:
    """A running (or ended) program."""

    program: Program
    process: subprocess.Popen[bytes] = field(init=False)

    @property
    def pid(self) -> int:
        return self.process.pid

    def start(self) -> "Child":
        """Start the program in a process group of its own: Ctrl-C reaches the launcher alone."""
        program = self.program
        program.log.parent.mkdir(parents=True, exist_ok=True)
        with program.log.open("ab") as log:
            self.process = subprocess.Popen(
                leashed(program.command, stop_signal=program.stop_signal, account=program.account),
                env=dict(program.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self

    def exit_code(self) -> int | None:
        return self.process.poll()

    def wait_until(self, ready: Callable[[], bool], *, timeout_seconds: float) -> None:
        """Block until `ready`; raises CannotStart when the process ends first or takes too long."""
        deadline = time.monotonic() + timeout_seconds
        while not ready():
            if self.exit_code() is not None:
                raise CannotStart(
                    f"{self.program.name} ended with exit code {self.exit_code()}: "
                    f"{last_line(self.program.log)}",
                    mend=f"see {self.program.log}",
                )
            if time.monotonic() > deadline:
                raise CannotStart(
                    f"{self.program.name} was not ready within {timeout_seconds:.0f} s",
                    mend=f"see {self.program.log}",
                )
            time.sleep(0.05)

    def ask_to_stop(self) -> None:
        if self.exit_code() is None:
            self.process.send_signal(self.program.stop_signal)

    def stop(self) -> int:
        """End the program, by force if that takes too long; gives its exit code."""
        self.ask_to_stop()
        try:
            return self.process.wait(self.program.stop_timeout_seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return self.process.wait()

    def kill(self) -> None:
        if self.exit_code() is None:
            self.process.kill()

    def trim_log(self) -> None:
        """Move a log that has grown too large aside, leaving the open file in place.

        The children write to the file directly, opened for appending, so that no output depends on
        the launcher being alive and awake. Lines written between copy and truncation are lost,
        which a development log can bear.
        """
        log = self.program.log
        if log.exists() and log.stat().st_size > LOG_LIMIT_BYTES:
            shutil.copyfile(log, log.with_suffix(".log.1"))
            os.truncate(log, 0)


def last_line(log: Path) -> str:
    """The last line of a log that says anything, for a message of one line."""
    if not log.exists():
        return "it wrote nothing"
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 4096))
        lines = [
            line.strip()
            for line in file.read().decode(errors="replace").splitlines()
            if line.strip()
        ]
    return lines[-1] if lines else "it wrote nothing"
