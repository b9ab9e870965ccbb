"""Partitions that a consumer stopped because rejecting had become the incident itself.

A stopped partition stands still with its reason until somebody who mended the
cause lets it go on, or its process is started again.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from events.consumer.received import Connection
from events.errors import EventsError

PARTITION: Final = "stopped"
"""`parked_as` of the audit's lines about partitions; their `parked_id` is 0."""

_LIST: Final = """
SELECT consumer, topic, partition, next_offset, stopped, updated_at
FROM consumer_positions WHERE stopped IS NOT NULL ORDER BY 1, 2, 3"""

_RESUME: Final = """
WITH resumed AS (
    UPDATE consumer_positions SET stopped = NULL, updated_at = now()
    WHERE consumer = $1 AND topic = $2 AND partition = $3 AND stopped IS NOT NULL
    RETURNING consumer, topic, partition, next_offset
)
INSERT INTO consumer_parked_audit (
    parked_id, consumer, topic, subject, parked_as, action, actor, reason)
SELECT 0, consumer, topic, topic || '/' || partition || '/' || next_offset, $4, 'release', $5, $6
FROM resumed"""


class NotStopped(EventsError):
    """The partition is not stopped: it was let go on meanwhile, or does not exist."""


class Stopped(msgspec.Struct, frozen=True):
    """A partition that stands still before `next_offset`."""

    consumer: str
    topic: str
    partition: int
    next_offset: int
    reason: str
    since: datetime


async def list_stopped(connection: Connection) -> list[Stopped]:
    """All of them; there are few or none."""
    return [Stopped(*row) for row in await connection.fetch(_LIST)]


async def resume(
    connection: Connection, consumer: str, *, topic: str, partition: int, actor: str, reason: str
) -> None:
    """Let it go on within about a second; it stops again if nothing was mended.

    Leaves a line in the audit. Raises NotStopped.
    """
    status = await connection.execute(_RESUME, consumer, topic, partition, PARTITION, actor, reason)
    if status.endswith(" 0"):
        raise NotStopped(
            f"{topic}/{partition} of {consumer} is not stopped", hint="list the stopped ones"
        )
