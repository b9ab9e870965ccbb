"""Claims of partitions that are being read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import asyncpg

from events import ConsumerSettings, Log, TopicPartition, schema_sql
from events.consumer.claims import claim

WHERE = TopicPartition("deals", 0)


class BusyLog:
    """A log of four records; as soon as one has asked where it ends, a fifth is there and read."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._end = 4

    async def beginnings(self, _: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        return {WHERE: 0}

    async def ends(self, _: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        end, self._end = self._end, self._end + 1
        await self._connection.execute("UPDATE consumer_positions SET next_offset = $1", self._end)
        return {WHERE: end}


async def test_a_position_that_moves_while_it_is_claimed_is_not_beyond_the_log(
    new_database: Any,
) -> None:
    connection = await asyncpg.connect(new_database())
    try:
        for statement in schema_sql.statements(schema_sql.CONSUMER_SQL):
            await connection.execute(statement)
        log = BusyLog(connection)

        async def take(owner: str) -> int:
            claims = await claim(
                connection,
                cast(Log, log),
                [WHERE],
                consumer="figures",
                owner=owner,
                settings=ConsumerSettings(),
            )
            return claims[WHERE].next_offset

        assert await take("one") == 0
        await connection.execute("UPDATE consumer_positions SET next_offset = 5")
        assert await take("two") == 5
    finally:
        await connection.close()
