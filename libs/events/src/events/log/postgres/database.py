"""The database of a PostgreSQL log: connections to it, its topics, and where they begin and end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg

from events.database_errors import DATABASE_ERRORS
from events.errors import LogUnavailable, TopicMissing
from events.log.port import TopicPartition
from events.log.postgres import tables
from events.sessions import FOUND_OUT, leave_as_it_is

_SETUP_LOCK: Final = 0x7A6E_6465
"""Advisory lock of the set-up: CREATE TABLE IF NOT EXISTS alone can fail when two run at once."""

_CONNECT_SECONDS: Final = 10.0
_ANSWER_SECONDS: Final = 15.0
"""More than an append waits for a writer that was stopped: for a server gone without a word."""

SESSION: Final = {
    # A writer that was stopped within its append holds the partitions' locks, and all others wait.
    "idle_in_transaction_session_timeout": "10s",
    **FOUND_OUT,
    "jit": "off",
    "application_name": "event log",
}


class LogDatabase:
    """Holds a log and nothing else: what its producers and readers need of it."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._pool: asyncpg.Pool[Any] | None = None
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        """A connection; raises LogUnavailable for anything that waiting may mend."""
        try:
            pool = await self._connected()
            async with pool.acquire(timeout=_CONNECT_SECONDS) as connection:
                try:
                    yield connection
                except TimeoutError:
                    # Nobody answers there. To make it fit for the next would wait as long again.
                    connection.terminate()
                    raise
        except DATABASE_ERRORS as error:
            raise LogUnavailable(
                f"the log's PostgreSQL answered {type(error).__name__}: {error}",
                hint="see that it runs and EVENT_LOG names it",
            ) from error

    async def _connected(self) -> asyncpg.Pool[Any]:
        async with self._lock:
            if self._pool is None:
                pool = await asyncpg.create_pool(
                    self._url,
                    min_size=0,
                    max_size=8,
                    timeout=_CONNECT_SECONDS,
                    command_timeout=_ANSWER_SECONDS,
                    server_settings=SESSION,
                    reset=leave_as_it_is,
                )
                try:
                    async with pool.acquire() as connection:
                        await _set_up(connection)
                except BaseException:
                    await pool.close()
                    raise
                self._pool = pool
            return self._pool

    async def topic_ids(self) -> dict[str, tuple[int, int]]:
        """Name to id and number of partitions."""
        async with self.connection() as connection:
            rows = await connection.fetch(tables.TOPICS)
        return {row["name"]: (row["id"], row["partitions"]) for row in rows}

    async def beginnings(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        return await self._offsets(partitions, "first_offset")

    async def ends(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        return await self._offsets(partitions, "next_offset")

    async def _offsets(
        self, partitions: Sequence[TopicPartition], which: str
    ) -> dict[TopicPartition, int]:
        names = sorted({partition.topic for partition in partitions})
        async with self.connection() as connection:
            rows = await connection.fetch(tables.OFFSETS, names)
        found = {TopicPartition(row["name"], row["partition"]): row[which] for row in rows}
        for partition in partitions:
            if partition not in found:
                raise TopicMissing(
                    f"{partition.topic}/{partition.partition} is not on this log",
                    hint="apply the topics: tandem topics apply",
                )
        return {partition: found[partition] for partition in partitions}

    async def close(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close()


async def _set_up(connection: Any) -> None:
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _SETUP_LOCK)
        if not await connection.fetchval("SELECT to_regclass('log_records') IS NOT NULL"):
            await connection.execute(tables.DDL)
