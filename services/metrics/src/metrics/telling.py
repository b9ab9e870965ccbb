"""Telling readers which KPIs changed, in the transaction that changes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from events import Connection, Event, append_asyncpg
from events.types.kpi import ChangedKpi, KpiChanged

SOURCE: Final = "/tandem/metrics"
_MOST_PER_EVENT: Final = 200
"""As many as the event's contract allows."""

_NEXT: Final = """
INSERT INTO writers (shard, sequence) VALUES ($1, 1)
ON CONFLICT (shard) DO UPDATE SET sequence = writers.sequence + 1 RETURNING sequence"""


async def next_sequence(connection: Connection, number: int) -> int:
    """The next version of a writer as the subject of its events; it has `number` in our table."""
    return int(await connection.fetchval(_NEXT, number))


async def tell_changed(
    connection: Connection,
    changed: Sequence[ChangedKpi],
    *,
    number: int,
    writer: str,
    watermark: datetime | None,
    now: datetime,
    beats: Mapping[str, datetime] = {},
) -> None:
    """Promise to tell what changed; mostly that is one event."""
    events = []
    for start in range(0, max(1, len(changed)), _MOST_PER_EVENT):
        told = KpiChanged(
            writer=writer,
            watermark=watermark,
            changed=list(changed[start : start + _MOST_PER_EVENT]),
            beats=dict(beats),
        )
        sequence = await next_sequence(connection, number)
        events.append(
            Event.of(told, source=SOURCE, sequence=sequence, occurred_at=now, recorded_at=now)
        )
    await append_asyncpg(connection, events)
