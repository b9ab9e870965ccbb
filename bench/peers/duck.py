"""DuckDB on the same deals as a Parquet file. Installed into the user's cache at its first use."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bench.closed_deals import CLOSED_DEALS
from bench.peers.build import PeerUnavailable
from local.cache import cache_folder
from local.locks import exclusively

_PINNED = Path(__file__).with_name("duckdb.txt")


class Duck:
    """A session whose view `closed_deals` reads the file."""

    def __init__(self, file: Path, *, deals: int) -> None:
        self._session = _library().connect()
        self._session.execute(
            f"COPY ({CLOSED_DEALS.format(deals=deals)}) TO '{file}' (FORMAT parquet)"
        )
        self._session.execute(f"CREATE VIEW closed_deals AS SELECT * FROM read_parquet('{file}')")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._session.close()

    def fetch(self, statement: str) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = self._session.execute(statement).fetchall()
        return rows


def _library() -> Any:
    digest = hashlib.sha256(_PINNED.read_bytes()).hexdigest()[:12]
    folder = cache_folder() / "bench" / f"duckdb-{digest}"
    with exclusively(folder.parent / "duckdb.lock"):
        if not folder.exists():
            fresh = folder.with_suffix(".incoming")
            command = [sys.executable, "-m", "pip", "install", "--quiet", "--require-hashes"]
            command += ["--no-deps", "--target", str(fresh), "-r", str(_PINNED)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise PeerUnavailable(f"DuckDB could not be installed: {done.stderr.strip()}")
            fresh.rename(folder)
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
    return import_module("duckdb")
