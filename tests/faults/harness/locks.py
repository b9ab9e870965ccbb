"""Watches a database for sessions that wait for each other's rows."""

import asyncio
import threading
from types import TracebackType
from typing import Final, Self

import asyncpg

from local.stack import Stack

SAMPLE_SECONDS: Final = 0.02
_WAITING: Final = """
SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE NOT l.granted AND l.locktype IN ('tuple', 'transactionid') AND a.datname = $1"""
_DEADLOCKS: Final = "SELECT deadlocks FROM pg_stat_database WHERE datname = $1"


class LockWatch:
    """Samples in a thread of its own, for as long as the block lasts."""

    def __init__(self, stack: Stack, database: str) -> None:
        self._url = stack.database_url(database)
        self._database = database
        self._over = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._watch()))
        self.samples = self.waiting = self.deadlocks = 0

    @property
    def share(self) -> float:
        """The part of the time in which somebody waited for a row."""
        return self.waiting / max(1, self.samples)

    async def _watch(self) -> None:
        connection = await asyncpg.connect(self._url)
        before = await connection.fetchval(_DEADLOCKS, self._database)
        while not self._over.is_set():
            self.samples += 1
            self.waiting += bool(await connection.fetchval(_WAITING, self._database))
            await asyncio.sleep(SAMPLE_SECONDS)
        self.deadlocks = await connection.fetchval(_DEADLOCKS, self._database) - before
        await connection.close()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()
