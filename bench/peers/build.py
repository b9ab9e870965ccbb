"""The peers' jars: fetched by Maven and compiled once, kept in the user's cache."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

from local.cache import cache_folder
from local.locks import exclusively

_PEERS = Path(__file__).parent
_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
_LOGGING = _PEERS / "log4j2.xml"
_FETCH_SECONDS = 300


class PeerUnavailable(Exception):
    """A peer could not be built or does not run; what is measured against it is missing."""


def java(peer: str, *options: str) -> list[str]:
    """The command that runs a peer's classes, up to the name of the main class."""
    folder = _built(peer)
    class_path = [str(folder / "classes"), *(str(jar) for jar in sorted(folder.glob("lib/*.jar")))]
    logging = f"-Dlog4j2.configurationFile={_LOGGING}"
    return ["java", *options, logging, "-cp", ":".join(class_path)]


def _built(peer: str) -> Path:
    definition = _PEERS / peer
    sources = sorted(definition.glob("*.java"))
    digest = hashlib.sha256()
    for file in (definition / "pom.xml", *sources):
        digest.update(file.read_bytes())
    folder = cache_folder() / "bench" / f"{peer}-{digest.hexdigest()[:12]}"
    with exclusively(folder.parent / f"{peer}.lock"):
        if not folder.exists():
            fresh = folder.with_suffix(".incoming")
            shutil.rmtree(fresh, ignore_errors=True)
            _run(["mvn", "-q", "-B", "-f", str(definition / "pom.xml"), _COPY,
                  "-DincludeScope=runtime", f"-DoutputDirectory={fresh / 'lib'}"])  # fmt: skip
            if sources:
                _run(["javac", "-d", str(fresh / "classes"), "-cp", f"{fresh / 'lib'}/*",
                      *map(str, sources)])  # fmt: skip
            fresh.rename(folder)
    return folder


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_FETCH_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise PeerUnavailable(f"{command[0]} is missing; install a JDK 17 and Maven") from None
    except subprocess.TimeoutExpired:
        raise PeerUnavailable(f"{command[0]} took longer than {_FETCH_SECONDS} s") from None
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip().splitlines() or ["it said nothing"]
        raise PeerUnavailable(f"{command[0]} failed: {said[0]}")
