"""What was measured, how it compares with its goal, and the page with all of it."""

from __future__ import annotations

import os
import platform
import subprocess
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median

import msgspec

PAGE = Path(__file__).parents[1] / "docs" / "measurements.md"
_VERSIONS = ("aiokafka", "asyncpg", "msgspec", "uvloop")


class Goal(msgspec.Struct, frozen=True):
    """A floor to be reached and an aim to be striven for; `at_most` where less is better."""

    floor: float
    aim: float
    at_most: bool = False

    def verdict(self, value: float) -> str:
        def reaches(bound: float) -> bool:
            return value <= bound if self.at_most else value >= bound

        if reaches(self.aim):
            return "aim met"
        return "floor met" if reaches(self.floor) else "**missed**"

    def __str__(self) -> str:
        sign = "≤" if self.at_most else "≥"
        return f"{sign} {self.floor:g}, aim {self.aim:g}"


class Figure(msgspec.Struct, frozen=True):
    """One line of the page. `note` says against what, or why it is far from the goal.

    `number` is the value without its unit; only a figure with a goal needs it.
    """

    what: str
    value: str
    note: str = ""
    number: float | None = None
    goal: Goal | None = None

    @property
    def verdict(self) -> str:
        if self.goal is None or self.number is None:
            return ""
        return self.goal.verdict(self.number)

    def __str__(self) -> str:
        goal = f"  [{self.goal}: {self.verdict}]" if self.goal else ""
        note = f"  ({self.note})" if self.note else ""
        return f"{self.what}: {self.value}{goal}{note}"


class Section(msgspec.Struct, frozen=True):
    """What one part of the measurement gave; `failure` says why the rest of it is missing."""

    part: str
    title: str
    figures: list[Figure]
    seconds: float = 0.0
    failure: str | None = None


def ratio(what: str, value: float, *, goal: Goal | None = None, note: str = "") -> Figure:
    """A figure that is a plain number, such as 2.4x."""
    digits = 0 if value >= 20 else 1 if value >= 10 else 2
    return Figure(what, f"{value:.{digits}f}x", note, number=value, goal=goal)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that so large a share of all values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def milliseconds(delays: Sequence[float]) -> str:
    """Median and 99th percentile of delays in seconds."""
    p50, p99 = percentile(delays, 0.5), percentile(delays, 0.99)
    return f"p50 {p50 * 1e3:.0f} ms, p99 {p99 * 1e3:.0f} ms"


def machine() -> list[str]:
    """One line each for processor, versions and the disk's fdatasync."""
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    java = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False)
    java_version = (java.stderr.splitlines() or ["no Java"])[0]
    packages = ", ".join(f"{name} {version(name)}" for name in _VERSIONS)
    return [
        f"{model}, {os.cpu_count()} cores, {platform.system()} {platform.release()}",
        f"Python {platform.python_version()}, {packages}",
        f"PostgreSQL 18, Apache Kafka 4.4.0, Kafka Streams 4.3.1, Debezium 3.7.0, {java_version}",
        f"fdatasync of 4 KiB: median {fdatasync_microseconds():.0f} µs",
        f"measured on {datetime.now(UTC):%Y-%m-%d}",
    ]


def fdatasync_microseconds() -> float:
    """What one durable write costs here at least."""
    taken = []
    with tempfile.TemporaryFile() as file:
        for _ in range(200):
            file.write(b"x" * 4096)
            file.flush()
            begun = time.perf_counter()
            os.fdatasync(file.fileno())
            taken.append((time.perf_counter() - begun) * 1e6)
    return median(taken)


def page(sections: Sequence[Section], machine_lines: Sequence[str]) -> str:
    """The page: the machine, all goals in one table, then each part with everything it measured."""
    lines = [
        "# Measurements",
        "",
        "Made by `make bench`. Trust ratios, not absolutes. What they say, and why figures are as",
        "they are: [measurements-explained.md](measurements-explained.md).",
        "",
        *(f"- {line}" for line in machine_lines),
        "",
        "## Goals",
        "",
        "| what | measured | goal | |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {figure.what} | {figure.value} | {figure.goal} | {figure.verdict} |"
        for section in sections
        for figure in section.figures
        if figure.goal
    ]
    for section in sections:
        lines += ["", f"## {section.title}", ""]
        lines += [f"`python -m bench {section.part}`, {section.seconds:.0f} s", ""]
        if section.failure is not None:
            lines += [f"**Failed:** {section.failure}", ""]
        if section.figures:
            lines += ["| what | value | note |", "|---|---|---|"]
            lines += [f"| {f.what} | {f.value} | {f.note} |" for f in section.figures]
    return "\n".join(lines).rstrip() + "\n"
