"""A stack whose connections, disks and clocks can be broken while it runs.

with ExposedStack(folder, log="kafka", links=LINKS) as stack:
    with stack.links["relay/log"].frozen(): ...
"""

import json
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Self

import time_machine

from faults.harness.disk import SmallDisk
from faults.harness.nemesis import Nemesis
from faults.harness.proxy import Proxy
from faults.harness.stack import BreakableStack
from faults.processes.conditions import file_of, weather_of
from local.ports import free_port
from local.settings import LogKind

LINKS: Final = (
    "relay/log",
    "relay/database",
    "metrics/log",
    "metrics/database",
    "pipeline/database",
)
WEATHER: Final = Path(__file__).parents[1] / "processes" / "weather.c"
TOKEN_AGE: Final = timedelta(hours=2)
"""A token must be no news to a service whose clock is behind."""


def can_compile() -> bool:
    return shutil.which("cc") is not None


class ExposedStack(BreakableStack):
    """See `BreakableStack`. A proxy stands in each link; with `weather`, clocks and disks obey.

    `disk_megabytes` puts what keeps the log (Kafka's data, or all of PostgreSQL) on a small disk.
    """

    def __init__(
        self,
        var: Path,
        *,
        log: LogKind,
        links: Sequence[str] = (),
        weather: bool = False,
        disk_megabytes: int = 0,
    ) -> None:
        super().__init__(var, log=log)
        self.links: dict[str, Proxy] = {link: Proxy(0) for link in links}
        self._weather = weather
        kept = self.var.kafka if log == "kafka" else self.var.root / "disk"
        self.disk = SmallDisk(kept, megabytes=disk_megabytes) if disk_megabytes else None
        self._library = self.var.root / "weather.so"
        self._conditions = ExitStack()

    def start(self, **how: Any) -> Self:
        try:
            self._prepare()
            return super().start(**how)
        except BaseException:
            self._conditions.close()
            raise

    def stop(self) -> None:
        try:
            super().stop()
        finally:
            self._conditions.close()

    def _prepare(self) -> None:
        self.var.root.mkdir(parents=True, exist_ok=True)
        listeners: dict[str, int] = {}
        for link, proxy in self.links.items():
            proxy.target = self.ports["postgres"]
            if link.endswith("/log") and self.log == "kafka":
                proxy.target = listeners[link] = free_port()
            self._conditions.callback(proxy.start().stop)
        if self.disk is not None:
            self._conditions.enter_context(self.disk.mounted())
            if self.log == "postgres":
                self._move_postgres()
        told = {
            "links": {link: proxy.port for link, proxy in self.links.items()},
            "listeners": listeners,
            "weather": str(self._compiled()) if self._weather else None,
        }
        file_of(self.var.root).write_text(json.dumps(told), encoding="utf-8")

    def _move_postgres(self) -> None:
        """The cluster is made where it always is, and then kept on the small disk."""
        assert self.disk is not None
        self.plan.postgres.prepare()
        there = self.disk.folder / "postgres"
        subprocess.run(["cp", "-a", self.var.postgres, there], check=True)
        shutil.rmtree(self.var.postgres)
        self.var.postgres.symlink_to(there)

    def _compiled(self) -> Path:
        weather_of(self.var.root, "").mkdir(exist_ok=True)
        command = [
            "cc",
            "-O2",
            "-Wall",
            "-shared",
            "-fPIC",
            "-o",
            str(self._library),
            str(WEATHER),
            "-ldl",
        ]
        subprocess.run(command, check=True)
        return self._library

    @contextmanager
    def slow_fsync(self, nemesis: Nemesis, *, milliseconds: int) -> Iterator[None]:
        """PostgreSQL's disk takes so much longer to keep what it is given."""
        with self._said("fsync", milliseconds):
            yield
        nemesis.note(f"fsync {milliseconds} ms")

    @contextmanager
    def clock_shifted(self, nemesis: Nemesis, process: str, *, hours: float) -> Iterator[None]:
        """The wall clock of one process is wrong, then right again."""
        loaded = Path(f"/proc/{self.process(process)}/maps").read_text(encoding="utf-8")
        assert self._library.name in loaded, f"{process} does not look at the weather"
        with self._said(f"clock-{process}", int(hours * 3600)):
            yield
        nemesis.note(f"clock of {process} {hours:+g} h")

    @contextmanager
    def _said(self, name: str, number: int) -> Iterator[None]:
        file = weather_of(self.var.root, name)
        file.write_text(str(number), encoding="ascii")
        try:
            yield
        finally:
            file.unlink()

    def token(self, *roles: str, **how: Any) -> str:
        with time_machine.travel(datetime.now(UTC) - TOKEN_AGE, tick=True):
            return super().token(*roles, **how)
