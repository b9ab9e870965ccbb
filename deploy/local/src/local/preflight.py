"""Checks before anything is started. Each failure is one line that says the mend."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from local.errors import CannotStart
from local.kafka import java_version
from local.ports import OF_KAFKA, Ports
from local.settings import LogKind
from local.state import ProcessState, Running, Var

OLDEST_PYTHON = (3, 11)
OLDEST_JAVA = 17
FREE_MIB_NEEDED = 300
END_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True)
class LogDecision:
    """The event log to use, and the line that tells the user why if that may surprise."""

    kind: LogKind
    remark: str | None = None


def check_python(version: tuple[int, int] = sys.version_info[:2]) -> None:
    if version < OLDEST_PYTHON:
        wanted = ".".join(map(str, OLDEST_PYTHON))
        raise CannotStart(
            f"this is Python {version[0]}.{version[1]}, Tandem needs {wanted} or newer",
            mend=f"install python{wanted} and run `make up PYTHON=python{wanted}`",
        )


def check_var(var: Var) -> None:
    """Write to var/: no other test of whether it can be written holds on every file system."""
    mend = "mend that, or choose another directory with VAR=…"
    try:
        var.root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=var.root) as probe:
            probe.write(b"x" * 65536)
    except OSError as error:
        raise CannotStart(
            f"{var.root} cannot be written: {os.strerror(error.errno or 0)}", mend=mend
        ) from None
    free_mib = shutil.disk_usage(var.root).free // 2**20
    if free_mib < FREE_MIB_NEEDED:
        raise CannotStart(
            f"the disk of {var.root} has only {free_mib} MiB left",
            mend=f"make room for {FREE_MIB_NEEDED} MiB, or choose another directory with VAR=…",
        )


def end_leftovers(var: Var) -> list[str]:
    """End what a killed launcher left running; gives the names. The caller holds the lock."""
    left = Running.load(var.running)
    if left is None:
        return []
    alive = {
        name: process
        for name, state in left.processes.items()
        if (process := same_process(state)) is not None
    }
    for process in alive.values():
        process.terminate()
    _, stubborn = psutil.wait_procs(list(alive.values()), timeout=END_TIMEOUT_SECONDS)
    for process in stubborn:
        process.kill()
    psutil.wait_procs(stubborn, timeout=END_TIMEOUT_SECONDS)
    var.running.unlink(missing_ok=True)
    return sorted(alive)


def same_process(state: ProcessState) -> psutil.Process | None:
    """The process that the launcher noted, unless it is gone and its pid is a stranger's."""
    try:
        process = psutil.Process(state.pid)
        if process.create_time() == state.created and process.status() != psutil.STATUS_ZOMBIE:
            return process
    except psutil.NoSuchProcess:
        pass
    return None


def decide_log(var: Var, *, forced: LogKind | None, obstacle: str | None) -> LogDecision:
    """Which event log to use. `obstacle` says in words why Kafka cannot run here, None when it can.

    Data stay where they are: once var/ has a log, no other is taken.
    """
    kept = var.log_choice
    if kept is not None and forced is not None and forced != kept:
        raise CannotStart(
            f"the data in {var.root} were made with LOG={kept}, not {forced}",
            mend=f"start with LOG={kept}, or with another directory: VAR=…",
        )
    kind = kept or forced
    if kind == "kafka" and obstacle is not None:
        raise CannotStart(
            f"Kafka cannot run: {obstacle}",
            mend="mend that, or use LOG=postgres" + (" with another VAR=…" if kept else ""),
        )
    if kind is not None:
        return LogDecision(kind)
    if obstacle is not None:
        return LogDecision(
            "postgres",
            f"No Kafka here: {obstacle}. Events go through PostgreSQL, which needs no Java.",
        )
    return LogDecision("kafka")


def kafka_obstacle(*, jars: Callable[[], Path]) -> str | None:
    """Why Kafka cannot run here, or None. Maven is needed only until the jars are cached."""
    if shutil.which("java") is None:
        return "`java` is not on the PATH (Debian: apt-get install default-jre-headless maven)"
    version = java_major()
    if version is None or version < OLDEST_JAVA:
        return f"`java` is version {version or 'unknown'}, Kafka needs {OLDEST_JAVA} or newer"
    if not jars().exists() and shutil.which("mvn") is None:
        return (
            "`mvn`, which fetches Kafka's jars, is not on the PATH (Debian: apt-get install maven)"
        )
    return None


def java_major() -> int | None:
    try:
        match = re.search(r'version "(\d+)', java_version())
    except (OSError, subprocess.SubprocessError):
        return None
    return int(match[1]) if match else None


def check_ports(ports: Ports, *, log: LogKind) -> None:
    ports.check_free(without=OF_KAFKA if log == "postgres" else frozenset())
