"""Cold and warm start to ready, and the stack's memory at rest."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from bench.report import Figure
from bench.servers import own_stack
from local.stack import Stack

_REST_SECONDS = 5


def measure(_scale: float) -> Iterator[Figure]:
    """Start on an empty var/, stop, start again."""
    with own_stack(started=False) as stack:
        cold = _timed_start(stack)
        yield Figure(
            "cold start to ready", f"{cold:.1f} s", "empty var/, jars and packages at hand"
        )
        stack.stop()
        warm = _timed_start(stack)
        yield Figure("warm start to ready", f"{warm:.1f} s", f"{warm / cold:.2f} of the cold start")
        time.sleep(_REST_SECONDS)
        yield resident_memory(stack, "at rest")


def resident_memory(stack: Stack, when: str) -> Figure:
    """Proportional set size of every process below the launcher, the launcher included."""
    assert stack.launcher_pid is not None
    running = stack.running
    assert running is not None
    total = _pss_mib(stack.launcher_pid)
    parts = []
    for name, process in running.processes.items():
        size = sum(_pss_mib(pid) for pid in _tree(process.pid))
        parts.append((name, size))
        total += size
    listed = ", ".join(f"{name} {size:.0f}" for name, size in sorted(parts))
    return Figure(f"memory {when}", f"{total:.0f} MiB", f"proportional set size: {listed}")


def _timed_start(stack: Stack) -> float:
    begun = time.monotonic()
    stack.start()
    return time.monotonic() - begun


def _tree(pid: int) -> list[int]:
    process = psutil.Process(pid)
    return [pid, *(child.pid for child in process.children(recursive=True))]


def _pss_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0
