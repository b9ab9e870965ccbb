"""Folders to which files are added and in which none is edited.

`checksums.txt` has a line for each, as `sha256sum` writes and checks them.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from events.errors import EventsError

CHECKSUMS: Final = "checksums.txt"


class SealBroken(EventsError):
    """A file that must not change was edited or taken away."""


def read_sealed(folder: Path) -> dict[str, bytes]:
    """The files by their names. Raises SealBroken."""
    found = {}
    for line in _lines(folder):
        digest, name = line.split()
        path = folder / name
        content = path.read_bytes() if path.exists() else b""
        if hashlib.sha256(content).hexdigest() != digest:
            raise SealBroken(
                f"{name} is not what was released",
                hint="restore it; what changes comes with a new release",
            )
        found[name] = content
    return found


def add_sealed(folder: Path, name: str, content: bytes) -> None:
    """Add a file for ever. The name must be new."""
    lines = [*_lines(folder), f"{hashlib.sha256(content).hexdigest()}  {name}"]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
    (folder / CHECKSUMS).write_text("\n".join(lines) + "\n")


def _lines(folder: Path) -> list[str]:
    path = folder / CHECKSUMS
    return path.read_text().splitlines() if path.exists() else []
