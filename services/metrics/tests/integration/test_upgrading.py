"""A database that an older version wrote is taken over, with all that it knows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
from kpi_histories import History
from memory_shelf import folded
from metrics_service import running
from old_schemas import migrate_to

from chassis.migrations import migrate
from events import Event, encode_data
from metrics.consuming import company_of
from metrics.engine.routing import route

_ENTER = "INSERT INTO journal VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
_LIVE = """
INSERT INTO generations VALUES (1, 'UTC', 'USD', 'an old one', now());
INSERT INTO live_generation (generation) VALUES (1)"""


async def test_the_journal_of_the_first_schema_makes_the_same_figures(
    new_database: Callable[..., str], tmp_path: Path
) -> None:
    events = [e for e in History(31, facts=80).events if "void" not in e.type]
    url = new_database()
    await migrate_to("0001", url)
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(_LIVE)
        await connection.executemany(_ENTER, [old_row(event) for event in events[:-40]])
        await migrate("metrics", url)
        assert await connection.fetchval("SELECT to_regclass('journal_by_event')") is None
    finally:
        await connection.close()
    async with running(url, tmp_path) as service:
        company = company_of(service.settings)
        before = folded([events[:-40]], company)
        assert await service.cells() == sorted((*k, *v) for k, v in before.cells.items())
        # It goes on from there: also with events of facts that it took over.
        await service.feed(events[-40:])
        after = folded([events], company)
        assert await service.cells() == sorted((*k, *v) for k, v in after.cells.items())


def old_row(event: Event) -> tuple[Any, ...]:
    ref = route(event.data, source=event.source)
    assert ref is not None
    return (
        *(ref.kind, ref.key, event.source, event.subject, event.sequence, event.id, event.type),
        *(event.time, event.recordedtime, encode_data(event.data)),
    )
