"""A bad release of ours stops its partitions; a mended one goes on where it stood."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from events import Connection, Received, Unprocessable
from events.stopped import NotStopped, list_stopped, resume

STOPPED = "SELECT count(*) FROM consumer_positions WHERE stopped IS NOT NULL"
DONE = "SELECT count(*) FROM applied"
PARKED = "SELECT count(*) FROM consumer_parked"


class Release:
    """A handler that refuses everything until it is mended."""

    def __init__(self) -> None:
        self.is_mended = False

    async def __call__(self, connection: Connection, received: Sequence[Received]) -> None:
        for item in received:
            if not self.is_mended:
                raise Unprocessable(item, "the code is wrong", "mend it")
            await connection.execute(
                "INSERT INTO applied (subject, sequence, amount) VALUES ($1, $2, 1)",
                *(item.event.subject, item.event.sequence),
            )


async def test_a_bad_release_drains_nothing_and_goes_on_when_it_is_mended(
    world: Any, make_event: Any
) -> None:
    release = Release()
    async with world.running(release, parked_consecutive_limit=3):
        await world.publish(*(make_event(f"s{n}", 1) for n in range(40)))
        await world.until(STOPPED, 2)
        stopped = await list_stopped(world.pool)
        assert await world.pool.fetchval(PARKED) == 0
        assert all("in a row" in one.reason for one in stopped)

        release.is_mended = True
        for one in stopped:
            await resume(
                world.pool,
                one.consumer,
                topic=one.topic,
                partition=one.partition,
                actor="sre",
                reason="1.4.2 is out",
            )
        await world.until(DONE, 40)
    assert await list_stopped(world.pool) == []
    with pytest.raises(NotStopped):
        await resume(
            world.pool, "test", topic=stopped[0].topic, partition=0, actor="sre", reason="again"
        )


async def test_what_was_not_mended_stops_again(world: Any, make_event: Any) -> None:
    async with world.running(Release(), parked_consecutive_limit=3):
        await world.publish(*(make_event("same", 1, source=f"/x/{n}") for n in range(5)))
        await world.until(STOPPED, 1)
        [one] = await list_stopped(world.pool)
        await resume(
            world.pool,
            one.consumer,
            topic=one.topic,
            partition=one.partition,
            actor="sre",
            reason="perhaps",
        )
        epochs = "SELECT max(epoch) FROM consumer_positions"
        await world.until(f"SELECT ({epochs}) > 1", expected=True)
        await world.until(STOPPED, 1)
    assert await world.pool.fetchval(PARKED) == 0
