"""The nemesis: named faults, each with a beginning and an end, on the parts of a stack.

A fault that is over when its call returns is a method; one that lasts has a second method or is a
context manager. The launcher brings back what was killed. All of them note when the last one ended,
which is when recovery begins.
"""

import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from faults.harness.stack import PATIENCE_SECONDS, BreakableStack


@dataclass
class Nemesis:
    """Breaks one stack."""

    stack: BreakableStack
    inflicted: list[str] = field(default_factory=list)
    ended_at: float = field(default_factory=time.monotonic)

    def note(self, fault: str) -> None:
        """A fault that is over."""
        self._inflicted(fault)
        self._over()

    def _inflicted(self, fault: str) -> None:
        self.inflicted.append(fault)

    def _over(self) -> None:
        self.ended_at = time.monotonic()

    def kill(self, name: str, *, wait: bool = True) -> None:
        """`kill -9`; with `wait`, until the part serves again."""
        was = self.stack.kill(name)
        self.note(f"kill -9 {name}")
        if wait:
            self.wait_until_back(name, was=was)

    def wait_until_back(self, name: str, *, was: int) -> None:
        self.stack.wait_until_back(name, was=was, timeout_seconds=PATIENCE_SECONDS)

    def kill_at(
        self,
        name: str,
        point: str,
        *,
        nth: int = 1,
        database: str | None = None,
        rows: int = 0,
        wait: bool = True,
    ) -> None:
        """`kill -9` where the process comes to the point (`processes/armed.py`) for the nth time.

        Something has to bring it there: call this while there is load.
        """
        was = self.stack.set_trap(name, point, nth=nth, database=database, rows=rows)
        self.stack.wait_until_sprung(name)
        self.note(f"kill -9 {name} at {point}")
        if wait and name not in self.stack.extras:
            self.wait_until_back(name, was=was)

    def kill_at_each(self, name: str, *points: str) -> None:
        """Kill it, then what is started after it at the first point, and so on."""
        for point in points:
            self.stack.set_trap(name, point)
        was = self.stack.kill(name)
        self.stack.wait_until_sprung(name)
        self.note(f"kill -9 {name} at {', '.join(points)}")
        self.wait_until_back(name, was=was)

    def stop_at(
        self,
        name: str,
        point: str,
        *,
        database: str | None = None,
        rows: int = 0,
        restart: bool = False,
    ) -> None:
        """SIGSTOP where the process comes to the point; `resume` ends it.

        One that is stopped goes on until there. `restart` kills it first, for what only
        a new process does.
        """
        self.stack.set_trap(name, point, action="SIGSTOP", database=database, rows=rows)
        self.stack.send_signal(name, signal.SIGKILL if restart else signal.SIGCONT)
        self.stack.wait_until_sprung(name)
        self._inflicted(f"SIGSTOP {name} at {point}")

    def stop(self, name: str) -> None:
        """SIGSTOP now; `resume` ends it."""
        self.stack.send_signal(name, signal.SIGSTOP)
        self._inflicted(f"SIGSTOP {name}")

    def resume(self, name: str) -> None:
        """SIGCONT."""
        self.stack.send_signal(name, signal.SIGCONT)
        self._over()

    def end_owners_of_outboxes(self, *databases: str) -> int:
        """Take the relay's locks away, by ending the sessions that hold them."""
        locks = "pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2)"
        return self.terminate_backends(*databases, who=locks)

    @contextmanager
    def down(self, name: str) -> Iterator[None]:
        """Killed, and not back before the end of the block, which waits for it."""
        with self.stack.held(name):
            was = self.stack.kill(name)
            self._inflicted(f"{name} down")
            yield
        self._over()
        self.wait_until_back(name, was=was)

    def restart_postgres(self) -> None:
        """A fast shutdown: every session is ended by the administrator, then it comes back."""
        was = self.stack.send_signal("postgres", signal.SIGINT)
        self.note("restart postgres")
        self.wait_until_back("postgres", was=was)

    def terminate_backends(self, *databases: str, who: str = "true") -> int:
        """`pg_terminate_backend` for the sessions of these databases; gives how many there were.

        `who` is a condition on `pg_stat_activity`.
        """
        names = ", ".join(f"'{name}'" for name in databases)
        ended = self.stack.plan.postgres.execute(
            "SELECT count(*) FROM pg_stat_activity, pg_terminate_backend(pid) gone"
            f" WHERE gone AND datname IN ({names}) AND pid <> pg_backend_pid()"
            f" AND backend_type = 'client backend' AND {who}"
        )
        self.note(f"terminate the backends of {', '.join(databases)}")
        return int(ended[0])


def names_of(faults: Sequence[str]) -> str:
    """What was done, for the report: each once, with its number."""
    return ", ".join(
        f"{faults.count(fault)}x {fault}" if faults.count(fault) > 1 else fault
        for fault in dict.fromkeys(faults)
    )
