"""Lag is seen from outside, also while the consumer itself is gone."""

import asyncio
from typing import Any

from events.errors import EventsError
from events.log import Log
from events.outside_lag import OutsideLag

CURSED = 666
"""The amount that the sample handler refuses."""


class Seen:
    """What the outsider told, newest first."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, int], int] = {}
        self.seconds: dict[tuple[str, int], float] = {}
        self.parked_at: float | None = None
        self.failures: list[Exception] = []

    def outside_lag(
        self, consumer: str, *, topic: str, partition: int, records: int, seconds: float
    ) -> None:
        self.records[topic, partition] = records
        self.seconds[topic, partition] = seconds

    def oldest_parked(self, consumer: str, *, at: float | None) -> None:
        self.parked_at = at

    def lag_not_measured(self, database: str, *, error: Exception) -> None:
        self.failures.append(error)

    def behind(self, topic: str) -> int:
        return sum(count for (name, _), count in self.records.items() if name == topic)


async def _until(true: Any) -> None:
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110 - a look at two servers has no event
            await asyncio.sleep(0.05)


async def test_a_consumer_that_is_gone_is_seen_to_fall_behind_and_to_catch_up(
    world: Any, log: Log, topic: str, database: str, make_event: Any
) -> None:
    seen, stop = Seen(), asyncio.Event()
    watching = asyncio.create_task(OutsideLag(log, {"sample": database}, observer=seen).run(stop))
    async with world.running():
        await world.publish(make_event("a", 1), make_event("cursed", 1, amount=CURSED))
        await world.until("SELECT sum(next_offset)::int FROM consumer_positions", 2)
        await _until(lambda: seen.parked_at and seen.behind(topic) == 0)
    await world.publish(make_event("a", 2), make_event("b", 1), make_event("b", 2))

    await _until(lambda: seen.behind(topic) == 3)
    await _until(lambda: max(seen.seconds.values()) > 1)
    async with world.running():
        await _until(lambda: seen.behind(topic) == 0 and max(seen.seconds.values()) == 0)

    stop.set()
    await watching
    assert not [error for error in seen.failures if isinstance(error, EventsError)]


async def test_a_database_without_consumers_or_not_there_harms_nobody_else(
    world: Any, log: Log, topic: str, database: str, new_database: Any, make_event: Any
) -> None:
    seen, stop = Seen(), asyncio.Event()
    gone = database.rpartition("/")[0] + "/no_such_database"
    databases = {"gone": gone, "empty": new_database(), "sample": database}
    async with world.running():
        await world.publish(make_event("a", 1))
        await world.until("SELECT count(*) FROM applied", 1)
    await world.publish(make_event("a", 2))
    watching = asyncio.create_task(OutsideLag(log, databases, observer=seen).run(stop))

    await _until(lambda: seen.behind(topic) == 1 and seen.failures)

    stop.set()
    await watching
