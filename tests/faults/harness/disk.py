"""A disk that is small enough to be filled: a file system in memory, mounted for one row."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

CHUNK: Final = b"\0" * (1 << 20)


def can_mount() -> bool:
    """Mounting is root's; a row that needs it says so where root is not there."""
    if os.geteuid() != 0:
        return False
    found = Path("/proc/self/status").read_text(encoding="ascii").split("CapEff:")[1].split()[0]
    return bool(int(found, 16) >> 21 & 1)  # CAP_SYS_ADMIN


class SmallDisk:
    """A tmpfs of `megabytes` at `folder`, as long as the block lasts."""

    def __init__(self, folder: Path, *, megabytes: int) -> None:
        self.folder = folder
        self._megabytes = megabytes

    @contextmanager
    def mounted(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True)
        size = f"size={self._megabytes}m,mode=0755"
        subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", self.folder], check=True)
        try:
            yield
        finally:
            subprocess.run(["umount", "--lazy", self.folder], check=True)

    @contextmanager
    def full(self) -> Iterator[None]:
        """Not a byte is left; at the end there is room again, and nobody is told."""
        filler = self.folder / "filler"
        try:
            with filler.open("wb", buffering=0) as file:
                try:
                    while file.write(CHUNK):
                        pass
                except OSError:  # no space left on device
                    pass
            yield
        finally:
            filler.unlink()
