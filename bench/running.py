"""Each part in a process of its own: one that fails or hangs costs nothing but its own figures."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from bench.parts import Part
from bench.report import Figure, Section
from local.child import last_line
from local.settings import inherited_environment

_ROOT = Path(__file__).parents[1]
_GRACE_SECONDS = 10


def run_here(part: Part, *, scale: float, into: Path) -> None:
    """Measure; each figure is printed and kept in the file as soon as it is found."""
    with into.open("ab") as file:
        for figure in part.measure(scale):
            print(f"   {figure}", flush=True)
            file.write(msgspec.json.encode(figure) + b"\n")
            file.flush()


def run_apart(part: Part, *, scale: float, folder: Path) -> Section:
    """Measure in a child process, which is ended when its time is over."""
    into, errors = folder / f"{part.name}.jsonl", folder / f"{part.name}.log"
    into.touch()
    command = [sys.executable, "-m", "bench", part.name, "--scale", str(scale), "--into", str(into)]
    # The product's limit of requests protects it from what is measured here.
    environment = inherited_environment() | {"RATE_LIMIT_REQUESTS": "0"}
    begun = time.monotonic()
    with errors.open("ab") as log:
        process = subprocess.Popen(
            command, cwd=_ROOT, env=environment, stderr=log, start_new_session=True
        )
    failure = _wait(process, part.limit_seconds * max(1.0, scale), errors)
    if failure:
        print(f"   failed: {failure}", flush=True)
    lines = into.read_bytes().splitlines()
    return Section(
        part=part.name,
        title=part.title,
        figures=[msgspec.json.decode(line, type=Figure) for line in lines],
        seconds=time.monotonic() - begun,
        failure=failure,
    )


def _wait(process: subprocess.Popen[bytes], limit_seconds: float, errors: Path) -> str | None:
    """None when the part ended well, else why not. Nothing of it is left running."""
    try:
        code = process.wait(limit_seconds)
    except subprocess.TimeoutExpired:
        code = None
    except KeyboardInterrupt:
        _end(process)
        raise
    _end(process)
    if code is None:
        return f"not done within {limit_seconds:.0f} s"
    return None if code == 0 else last_line(errors)


def _end(process: subprocess.Popen[bytes]) -> None:
    """As Ctrl-C first, so that servers end in order and temporary folders go; then by force.

    What the part had started is on its leash: it ends with the part.
    """
    for kind in (signal.SIGINT, signal.SIGKILL):
        try:
            os.killpg(process.pid, kind)
        except ProcessLookupError:
            return
        try:
            process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            continue
