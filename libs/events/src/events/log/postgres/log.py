"""The PostgreSQL log and its topics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from events.errors import TopicMissing
from events.log.port import PATIENCE_SECONDS, Producer, Reader, TopicPartition, TopicState
from events.log.postgres import tables
from events.log.postgres.database import LogDatabase
from events.log.postgres.producer import PostgresProducer
from events.log.postgres.reader import PostgresReader


class PostgresLog(LogDatabase):
    """A log in a database of its own. Connects on first use."""

    async def producer(self) -> Producer:
        return PostgresProducer(self)

    async def reader(self, *, patience_seconds: float = PATIENCE_SECONDS) -> Reader:  # noqa: ARG002 - a query cannot be left open
        return PostgresReader(self)

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

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


async def _add_partitions(connection: Any, topic_id: int, total: int) -> None:
    await connection.execute(
        "INSERT INTO log_partitions (topic_id, partition) SELECT $1, n"
        " FROM generate_series(0, $2::int - 1) n ON CONFLICT DO NOTHING",
        topic_id,
        total,
    )
