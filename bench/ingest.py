"""Batches of 100 partners' events: durable through the gateway, beside one that keeps nothing.

Each server has one core to itself, the client the other, which it shares with PostgreSQL
where there is one. They take turns of a few seconds, for a machine is not as quick in one
minute as in the next. Relay and metrics service are stopped by a signal: what becomes of the
events later is not what is measured.
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from operator import add
from pathlib import Path
from statistics import median
from typing import Final
from uuid import uuid4

import psutil

from bench.processor_time import Parties, Spent
from bench.report import Figure, Goal, ratio
from bench.servers import own_stack
from local.child import Child, Program
from local.ports import free_port, is_free
from local.settings import inherited_environment
from local.stack import Stack

AGAINST_IDIOM: Final = Goal(1.0, 2.0)
SECONDS: Final = 4
_TURNS: Final = 3
_EVENTS_A_REQUEST: Final = 100
_CONNECTIONS: Final = 8
_BATCH: Final = "application/cloudevents-batch+json"
_SCRIPT: Final = Path(__file__).with_name("ingest.lua")
_SERVER_CORE: Final = 0
_CLIENT_CORE: Final = 1
_WARM_SECONDS: Final = 2


@dataclass(frozen=True)
class _Side:
    """One of the two servers, and how it is sent events."""

    what: str
    url: str
    token: str
    content_type: str
    parties: Parties

    def load(self, seconds: int) -> tuple[float, Spent]:
        """Events a second, and what they cost its processes."""
        begun = self.parties.read()
        rate = _wrk(self.url, self.token, content_type=self.content_type, seconds=seconds)
        return rate, self.parties.read() - begun

    def figure(self, turns: Sequence[tuple[float, Spent]], *, seconds: int) -> Figure:
        rate = median(rate for rate, _ in turns)
        events = int(sum(rate for rate, _ in turns) * seconds)
        spent = reduce(add, [spent for _, spent in turns])
        return Figure(self.what, f"{rate:,.0f} events/s", spent.told(events))


def measure(scale: float) -> Iterator[Figure]:
    if shutil.which("wrk") is None:
        raise FileNotFoundError("wrk must be installed to measure the ingest")
    seconds = max(2, int(SECONDS * scale))
    with _idiom() as (url, pid), own_stack() as stack, _only_gateway(stack):
        theirs = _Side(
            "ingest by a FastAPI body model, nothing kept",
            *(url, "none", "application/json", Parties.of(server=pid)),
        )
        ours = _Side(
            "ingest by the gateway, acknowledged when durable",
            *(stack.url, stack.token("partner", sources=("/partners/webshop",)), _BATCH),
            Parties.of(server=stack.process("gateway"), database=stack.process("postgres")),
        )
        for side in (theirs, ours):
            side.load(_WARM_SECONDS)
        turns = [(theirs.load(seconds), ours.load(seconds)) for _ in range(_TURNS)]
    yield theirs.figure([turn for turn, _ in turns], seconds=seconds)
    yield ours.figure([turn for _, turn in turns], seconds=seconds)
    yield ratio(
        "durable ingest against a body model without durability",
        median(mine / yours for (yours, _), (mine, _) in turns),
        goal=AGAINST_IDIOM,
        note=f"batches of 100, one core for each server; median of {_TURNS} turns",
    )


def _wrk(url: str, token: str, *, content_type: str, seconds: int) -> float:
    """Events a second. Raises when an answer was not 2xx: then nothing was measured."""
    command = ["taskset", "-c", str(_CLIENT_CORE), "wrk", "-t1", f"-c{_CONNECTIONS}"]
    command += [f"-d{seconds}s", "--timeout", "10s", "-s", str(_SCRIPT), f"{url}/v1/events", "--"]
    command += [uuid4().hex[:12], datetime.now(UTC).isoformat(), content_type, token]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    if found is None or "Non-2xx" in done.stdout:
        raise RuntimeError(f"{url} did not answer 2xx to all: {done.stdout[-300:]}")
    return float(found[1]) * _EVENTS_A_REQUEST


@contextmanager
def _idiom() -> Iterator[tuple[str, int]]:
    """The plain FastAPI application, under the same server as ours, on a core of its own."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        program = Program(
            name="idiom",
            command=[sys.executable, "-m", "uvicorn", "bench.ingest_app:app", "--port", str(port),
                     "--loop", "uvloop", "--http", "httptools", "--no-access-log"],
            environment=inherited_environment()
            | {"PYTHONPATH": str(Path(__file__).parents[1])},
            log=Path(folder) / "idiom.log",
        )  # fmt: skip
        child = Child(program).start()
        try:
            child.wait_until(lambda: not is_free(port), timeout_seconds=60)
            _pin(child.pid, _SERVER_CORE)
            yield f"http://127.0.0.1:{port}", child.pid
        finally:
            child.stop()


@contextmanager
def _only_gateway(stack: Stack) -> Iterator[None]:
    """The gateway alone on its core, PostgreSQL on the client's; the rest of the stack stands."""
    standing = ("relay", "metrics")
    _pin(stack.process("gateway"), _SERVER_CORE)
    _pin(stack.process("postgres"), _CLIENT_CORE)
    for name in standing:
        stack.send_signal(name, signal.SIGSTOP)
    try:
        yield
    finally:
        for name in standing:
            stack.send_signal(name, signal.SIGCONT)
        time.sleep(0.1)


def _pin(pid: int, core: int) -> None:
    """The process with all its threads, and what it starts from now on."""
    for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
        process.cpu_affinity([core])
        for thread in process.threads():
            psutil.Process(thread.id).cpu_affinity([core])
