"""Kafka Streams folding the same topic: one JVM, warmed up, measured run by run."""

from __future__ import annotations

import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from uuid import uuid4

from bench.peers.build import PeerUnavailable, java
from bench.processor_time import Parties, Spent
from bench.servers import Servers
from local.child import last_line

VIEWS = ("owner", "channel", "region")
_MEMORY = ("-Xms1g", "-Xmx1g", "-XX:+UseParallelGC")
_RUN_SECONDS = 240


@dataclass(frozen=True)
class Run:
    """One run, from the first event to the row that makes PostgreSQL complete."""

    spent: Spent
    rows_written: int
    changes_read: int


class Streams:
    """The peer's JVM; each `run` is a new application that reads the topic from its start."""

    def __init__(self, process: subprocess.Popen[str], servers: Servers, log: Path) -> None:
        self._process = process
        self._log = log
        self._parties = Parties.of(
            client=process.pid, database=servers.postgres_pid, broker=servers.broker_pid
        )

    def run(self) -> Run:
        assert self._process.stdin is not None
        # Never a name that was used before: the broker knows what that application has read,
        # and it would wait for ever for events after the last.
        self._process.stdin.write(f"{uuid4().hex[:12]}\n")
        self._process.stdin.flush()
        limit = threading.Timer(_RUN_SECONDS, self._process.kill)
        limit.start()
        try:
            self._line("first")
            begun = self._parties.read()
            done = self._line("done").split()
            spent = self._parties.read() - begun
            self._line("ready")
        finally:
            limit.cancel()
        return Run(spent=spent, rows_written=int(done[1]), changes_read=int(done[2]))

    def _line(self, expected: str) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.startswith(expected):
            said = line.strip() or last_line(self._log)
            raise PeerUnavailable(f"Kafka Streams did not come to {expected!r}: {said}")
        return line


@contextmanager
def streams(
    servers: Servers, *, topic: str, events: int, views: int, database: str
) -> Iterator[Streams]:
    """Start the JVM. The table `view_sums` must be in the database."""
    with tempfile.TemporaryDirectory(prefix="tandem-streams-") as state:
        log = servers.folder / "streams.log"
        command = [
            *java("streams", *_MEMORY),
            "StreamsFold",
            *(servers.kafka, topic, str(events), ",".join(VIEWS[:views])),
            *(_jdbc(database), state),
        ]
        with log.open("ab") as errors:
            process = _start(command, errors)
        try:
            yield Streams(process, servers, log)
        finally:
            process.kill()
            process.wait()


def _start(command: list[str], errors: IO[bytes]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
    )


def _jdbc(url: str) -> str:
    """`postgresql://user@host:port/name` as JDBC spells it."""
    user, _, place = url.removeprefix("postgresql://").partition("@")
    return f"jdbc:postgresql://{place}?user={user}"
