"""What was measured, on what, and where the page with it is kept."""

from __future__ import annotations

import os
import platform
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

PAGE = Path(__file__).parents[1] / "docs" / "measurements.md"


@dataclass(frozen=True)
class Figure:
    """One line of the page. `note` says against what, or why it is far from the goal."""

    what: str
    value: str
    note: str = ""


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that so large a share of all values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def machine() -> list[str]:
    """One line each for processor, versions and the disk's fdatasync."""
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    java = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False)
    java_version = (java.stderr.splitlines() or ["no Java"])[0]
    return [
        f"{model}, {os.cpu_count()} cores, {platform.system()} {platform.release()}",
        f"Python {platform.python_version()}, {java_version}",
        f"fdatasync of 4 KiB: median {_fdatasync_microseconds():.0f} µs",
        f"measured on {datetime.now(UTC):%Y-%m-%d}",
    ]


def _fdatasync_microseconds() -> float:
    taken = []
    with tempfile.TemporaryFile() as file:
        for _ in range(200):
            file.write(b"x" * 4096)
            file.flush()
            begun = time.perf_counter()
            os.fdatasync(file.fileno())
            taken.append((time.perf_counter() - begun) * 1e6)
    return median(taken)


def write_page(sections: dict[str, list[Figure]]) -> None:
    """Write the page; a section that was not measured this time is kept out."""
    lines = ["# Measurements", "", "Made by `make bench`. Trust ratios, not absolutes.", ""]
    lines += [f"- {line}" for line in machine()]
    for title, figures in sections.items():
        lines += ["", f"## {title}", "", "| what | value | note |", "|---|---|---|"]
        lines += [f"| {figure.what} | {figure.value} | {figure.note} |" for figure in figures]
    PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")
