"""Logs that are not what they were while nobody looked, or under a consumer that runs: it stops."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from events import LogChanged, TopicPartition
from events.errors import TopicMissing
from events.log import TopicState

DONE = "SELECT count(*) FROM applied"


async def position(world: Any) -> tuple[TopicPartition, int]:
    """Where the consumer of one key stands."""
    row = await world.pool.fetchrow(
        "SELECT topic, partition, next_offset FROM consumer_positions WHERE next_offset > 0"
    )
    return TopicPartition(row[0], row[1]), row[2]


async def cut(world: Any, event_log: str, where: TopicPartition, *, before: int) -> None:
    """Retention: what is older than the offset is gone."""
    if event_log.startswith("kafka"):
        from aiokafka import TopicPartition as KafkaPartition  # noqa: PLC0415 - Kafka's turn only
        from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete  # noqa: PLC0415

        admin = AIOKafkaAdminClient(bootstrap_servers=event_log.removeprefix("kafka://"))
        await admin.start()
        await admin.delete_records({KafkaPartition(*where): RecordsToDelete(before_offset=before)})
        await admin.close()
        return
    async with world.log.connection() as connection:
        topic_id = (await world.log.topic_ids())[where.topic][0]
        await connection.execute(
            "DELETE FROM log_records WHERE topic_id = $1 AND partition = $2 AND record_offset < $3",
            *(topic_id, where.partition, before),
        )
        await connection.execute(
            "UPDATE log_partitions SET first_offset = $3 WHERE topic_id = $1 AND partition = $2",
            *(topic_id, where.partition, before),
        )


async def remake(world: Any, event_log: str) -> None:
    """Delete the topic and make it anew, as a careless hand would."""
    if event_log.startswith("kafka"):
        from aiokafka.admin import AIOKafkaAdminClient  # noqa: PLC0415 - Kafka's turn only

        admin = AIOKafkaAdminClient(bootstrap_servers=event_log.removeprefix("kafka://"))
        await admin.start()
        await admin.delete_topics([world.topic])
        while world.topic in await world.log.topics():  # noqa: ASYNC110 - Kafka tells nobody
            await asyncio.sleep(0.05)
        await admin.close()
    else:
        async with world.log.connection() as connection:
            topic_id = await connection.fetchval(
                "DELETE FROM log_topics WHERE name = $1 RETURNING id", world.topic
            )
            await connection.execute("DELETE FROM log_records WHERE topic_id = $1", topic_id)
    await world.log.create_topic(TopicState(world.topic, 2, None))


async def test_retention_that_cut_unread_records_stops_the_consumer(
    world: Any, event_log: str, make_event: Any
) -> None:
    await world.publish(*(make_event("a", n) for n in range(1, 6)))
    async with world.running():
        await world.until(DONE, 5)
    where, read = await position(world)
    await world.publish(*(make_event("a", n) for n in range(6, 11)))
    await cut(world, event_log, where, before=read + 2)

    with pytest.raises(LogChanged, match=r"up to 5, but the log holds 7 to 10; .*rebuild"):
        await asyncio.wait_for(world.consumer().run(asyncio.Event()), 20)
    assert await world.applied() == {"a": [1, 2, 3, 4, 5]}


async def test_retention_that_cut_only_what_was_read_stops_nothing(
    world: Any, event_log: str, make_event: Any
) -> None:
    await world.publish(*(make_event("a", n) for n in range(1, 6)))
    async with world.running():
        await world.until(DONE, 5)
    where, read = await position(world)
    await cut(world, event_log, where, before=read)
    await world.publish(make_event("a", 6))
    async with world.running():
        await world.until(DONE, 6)


@pytest.mark.parametrize("records", [1, 9], ids=["shorter", "longer"])
async def test_a_topic_that_was_made_again_stops_the_consumer(
    world: Any, event_log: str, make_event: Any, records: int
) -> None:
    await world.publish(*(make_event("a", n) for n in range(1, 6)))
    async with world.running():
        await world.until(DONE, 5)
    await remake(world, event_log)
    await world.publish(*(make_event("a", n) for n in range(1, records + 1)))

    with pytest.raises(LogChanged, match="recreated"):
        await asyncio.wait_for(world.consumer().run(asyncio.Event()), 20)

    assert await world.pool.fetchval(DONE) == 5


@pytest.mark.parametrize("records", [0, 2, 9], ids=["empty", "shorter", "longer"])
async def test_a_topic_made_again_under_a_running_consumer_stops_it_for_good(
    world: Any, event_log: str, make_event: Any, records: int
) -> None:
    """What is read of the new one meanwhile skips nothing unseen, and a restart stops again."""
    await world.publish(*(make_event("a", n) for n in range(1, 6)))
    running = asyncio.create_task(world.consumer().run(asyncio.Event()))
    await world.until(DONE, 5)
    await remake(world, event_log)
    await world.publish(*(make_event("a", n) for n in range(1, records + 1)))

    # It may have looked while the topic was gone, which ends it as well.
    with pytest.raises((LogChanged, TopicMissing)):
        await asyncio.wait_for(running, 20)
    with pytest.raises(LogChanged):
        await asyncio.wait_for(world.consumer().run(asyncio.Event()), 20)
    assert [n for n in (await world.applied())["a"] if n <= 5] == [1, 2, 3, 4, 5]


async def test_a_position_that_was_set_from_outside_is_taken_up_and_not_run_over(
    world: Any, make_event: Any
) -> None:
    """As an operator does who wants events read again; the copies are known."""
    await world.publish(make_event("a", 1), make_event("a", 2))
    async with world.running():
        await world.until(DONE, 2)
        await world.pool.execute("UPDATE consumer_positions SET next_offset = 0")
        await world.publish(make_event("a", 3))
        await world.until(DONE, 3)
        await world.until("SELECT max(next_offset)::int FROM consumer_positions", 3)
        await world.until("SELECT max(epoch)::int FROM consumer_positions", 2)
    assert await world.applied() == {"a": [1, 2, 3]}
