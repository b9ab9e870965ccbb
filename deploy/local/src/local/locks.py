"""Locks between processes, held by the kernel: they cannot go stale."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.errors import CannotStart


@contextmanager
def exclusively(path: Path) -> Iterator[None]:
    """Hold the lock for the length of the block, waiting for whoever has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def claim(path: Path, *, held: str, mend: str) -> Iterator[None]:
    """Hold the lock for the length of the block. Raises CannotStart if somebody has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStart(held, mend=mend) from None
        yield
