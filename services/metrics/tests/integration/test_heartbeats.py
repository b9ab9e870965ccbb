"""Heartbeats are passed on with what a batch changed, and are no business of the figures."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from kpi_histories import History

from events import Event
from events.types.heartbeat import BeatEmitted

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def beat(service: str, count: int, *, minute: int) -> Event:
    at = NOON + timedelta(minutes=minute)
    return Event.of(
        BeatEmitted(service=service, process=f"{service}-1"),
        source=f"/tandem/{service}",
        sequence=count,
        occurred_at=at,
        recorded_at=at,
    )


async def told(service: Any) -> list[dict[str, Any]]:
    rows = await service.pool.fetch("SELECT payload FROM outbox ORDER BY id")
    return [json.loads(row["payload"]) for row in rows]


async def test_a_batch_of_beats_alone_tells_the_newest_of_each_service(service: Any) -> None:
    await service.feed([beat("ops", 1, minute=1), beat("ops", 2, minute=2)])
    await service.feed([beat("customer", 1, minute=3), beat("ops", 3, minute=4)])

    first, second = await told(service)
    assert first["beats"] == {"ops": "2026-05-01T12:02:00Z"}
    assert second["beats"] == {
        "customer": "2026-05-01T12:03:00Z",
        "ops": "2026-05-01T12:04:00Z",
    }
    assert first["changed"] == second["changed"] == []
    assert await service.cells() == []
    assert await service.pool.fetchval("SELECT count(*) FROM journal") == 0


async def test_beats_among_business_change_no_figure(service: Any) -> None:
    events = History(9, facts=20).events
    await service.feed([beat("pipeline", 1, minute=1), *events])
    with_beats = await service.cells()

    [change] = await told(service)
    assert change["beats"] == {"pipeline": "2026-05-01T12:01:00Z"}
    assert change["changed"]
    assert len(with_beats) > 0
