"""Services whose clocks are wrong: order is by version, and the watermark is nobody's promise."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

DONE = "SELECT count(*) FROM applied"


def recorded(event: Any, *, off: timedelta) -> Any:
    return msgspec.structs.replace(event, recordedtime=datetime.now(UTC) + off)


async def test_events_of_replicas_with_different_clocks_are_applied_by_version(
    world: Any, make_event: Any
) -> None:
    hour = timedelta(hours=1)
    await world.publish(
        *(recorded(make_event("a", n), off=hour if n % 2 else -hour) for n in range(1, 9))
    )
    async with world.running():
        await world.until(DONE, 8)
    assert await world.applied() == {"a": list(range(1, 9))}


@pytest.mark.parametrize("hours", [1, -1])
async def test_the_watermark_does_not_run_ahead_of_the_log(
    world: Any, make_event: Any, hours: int
) -> None:
    """A clock that is ahead must not make readers believe that the future is counted."""
    async with world.running(pulse_seconds=0.1) as consumer:
        await world.publish(recorded(make_event("a", 1), off=timedelta(hours=hours)))
        await world.until(DONE, 1)
        kept = "SELECT max(watermark) FROM consumer_positions"
        async with asyncio.timeout(10):
            while await world.pool.fetchval(kept) is None:  # noqa: ASYNC110 - a database has no event
                await asyncio.sleep(0.05)
        await world.publish(make_event("b", 1), make_event("a", 2))
        await world.until(DONE, 3)
        mark, stored = consumer.watermark(), await world.pool.fetchval(kept)
    assert mark is None or mark <= datetime.now(UTC)
    assert stored <= datetime.now(UTC)
