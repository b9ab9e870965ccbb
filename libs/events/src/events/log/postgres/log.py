"""Topics, partitions and offsets of the PostgreSQL log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, Self

import asyncpg

from events.database_errors import DATABASE_ERRORS
from events.errors import LogUnavailable, TopicMissing
from events.log.port import PATIENCE_SECONDS, Producer, Reader, TopicPartition, TopicState
from events.log.postgres import tables
from events.log.postgres.producer import PostgresProducer
from events.log.postgres.reader import PostgresReader
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


class PostgresLog:
    """A database that holds a log and nothing else. Connects on first use."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._pool: asyncpg.Pool[Any] | None = None
        self._lock = asyncio.Lock()

    async def producer(self) -> Producer:
        return PostgresProducer(self)

    async def reader(self, *, patience_seconds: float = PATIENCE_SECONDS) -> Reader:  # noqa: ARG002 - a query cannot be left open
        return PostgresReader(self)

    async def topic_ids(self) -> dict[str, tuple[int, int]]:
        """Name to id and number of partitions."""
        async with self.connection() as connection:
            rows = await connection.fetch(tables.TOPICS)
        return {row["name"]: (row["id"], row["partitions"]) for row in rows}

    async def partitions(self, topics: Sequence[str]) -> list[TopicPartition]:
        found = await self.topic_ids()
        for name in topics:
            if name not in found:
                raise TopicMissing(
                    f"topic {name} is not on this log", hint="apply the topics: tandem topics apply"
                )
        return [TopicPartition(name, number) for name in topics for number in range(found[name][1])]

    async def identities(self, topics: Sequence[str]) -> dict[str, str]:
        known = await self.topic_ids()
        return {name: str(known[name][0]) for name in topics if name in known}

    async def beginnings(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        return await self._offsets(partitions, "first_offset")

    async def ends(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        return await self._offsets(partitions, "next_offset")

    async def topics(self) -> dict[str, TopicState]:
        async with self.connection() as connection:
            rows = await connection.fetch(tables.TOPICS)
        return {
            row["name"]: TopicState(row["name"], row["partitions"], row["retention_seconds"])
            for row in rows
        }

    async def create_topic(self, topic: TopicState) -> None:
        async with self.connection() as connection, connection.transaction():
            created = await connection.fetchval(
                "INSERT INTO log_topics (name, retention_seconds) VALUES ($1, $2)"
                " ON CONFLICT (name) DO NOTHING RETURNING id",
                topic.name,
                topic.retention_seconds,
            )
            if created is not None:
                await _add_partitions(connection, created, topic.partitions)

    async def grow_topic(self, name: str, *, partitions: int) -> None:
        topic_id = (await self.topic_ids())[name][0]
        async with self.connection() as connection:
            await _add_partitions(connection, topic_id, partitions)

    async def close(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

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


async def _set_up(connection: Any) -> None:
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _SETUP_LOCK)
        if not await connection.fetchval("SELECT to_regclass('log_records') IS NOT NULL"):
            await connection.execute(tables.DDL)


async def _add_partitions(connection: Any, topic_id: int, total: int) -> None:
    await connection.execute(
        "INSERT INTO log_partitions (topic_id, partition) SELECT $1, n"
        " FROM generate_series(0, $2::int - 1) n ON CONFLICT DO NOTHING",
        topic_id,
        total,
    )
