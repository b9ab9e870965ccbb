"""Processor time by party: what client, broker and database each spend on a piece of work.

On two cores the wall clock measures who had to wait; processor time measures what
was done. A party is a tree of processes, named by its root: PostgreSQL's backends
are children of the postmaster, the broker is one JVM.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import psutil


@dataclass(frozen=True)
class Reading:
    """The clock, and the user and system seconds that each party had used by then."""

    at: float
    seconds: Mapping[str, float]

    def __sub__(self, earlier: Self) -> Spent:
        return Spent(
            wall_seconds=self.at - earlier.at,
            seconds={name: used - earlier.seconds[name] for name, used in self.seconds.items()},
        )


@dataclass(frozen=True)
class Spent:
    """Between two readings."""

    wall_seconds: float
    seconds: Mapping[str, float]

    def __add__(self, other: Self) -> Self:
        seconds = {name: used + other.seconds[name] for name, used in self.seconds.items()}
        return replace(self, wall_seconds=self.wall_seconds + other.wall_seconds, seconds=seconds)

    def microseconds(self, *parties: str, events: int) -> float:
        """Processor time of the named parties together, for one event."""
        return sum(self.seconds[party] for party in parties) / events * 1e6

    def told(self, events: int) -> str:
        """Every party's microseconds for one event, in words."""
        parts = [f"{name} {used / events * 1e6:.1f}" for name, used in self.seconds.items()]
        return f"CPU µs an event: {', '.join(parts)}"


@dataclass(frozen=True)
class Parties:
    """Who is watched, each by the process at the root of its tree."""

    roots: Mapping[str, int]

    @classmethod
    def of(cls, **roots: int) -> Self:
        return cls(roots)

    def read(self) -> Reading:
        seconds = {name: tree_seconds(pid) for name, pid in self.roots.items()}
        return Reading(at=time.monotonic(), seconds=seconds)


def own_seconds(pid: int) -> float:
    """Time of a process of one thread, to the nanosecond; that of trees comes in ticks of 10 ms."""
    return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[0]) / 1e9


def tree_seconds(root: int) -> float:
    """User and system time of a tree, with that of members that ended and were waited for."""
    process = psutil.Process(root)
    total = 0.0
    for member in (process, *process.children(recursive=True)):
        try:
            times = member.cpu_times()
        except psutil.NoSuchProcess:  # it has ended meanwhile; its parent has its time now
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total
