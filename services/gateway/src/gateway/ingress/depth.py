"""How far the log is behind the outbox; from some depth on nothing more is taken.

While the relay or the log is down events are accepted: the outbox is durable.
It is not endless, so the door closes before the disk is full.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Final

from chassis.resources import Resources
from gateway.ingress.results import IngressFull

_LOOK_SECONDS: Final = 1.0
_RETRY_SECONDS: Final = 30

_SPAN: Final = """
SELECT coalesce(max(id) - min(id) + 1, 0),
       (SELECT recorded_at FROM outbox ORDER BY id LIMIT 1)
FROM outbox"""
"""Two looks into the primary key. Ids have holes, so it is never less than what is there."""

_COUNT: Final = "SELECT count(*) FROM (SELECT FROM outbox LIMIT $1) deep"


class OutboxDepth:
    """Looks at the outbox at most once a second, and remembers what it saw."""

    def __init__(self, *, most_events: int, oldest_seconds: int) -> None:
        self._most_events = most_events
        self._oldest = timedelta(seconds=oldest_seconds)
        self._looked_at = float("-inf")
        self._reason: str | None = None

    async def refuse_too_deep(self, resources: Resources) -> None:
        """Raises IngressFull while too much waits for the log."""
        if time.monotonic() - self._looked_at > _LOOK_SECONDS:
            self._looked_at = time.monotonic()
            self._reason = await self._look(resources)
        if self._reason is not None:
            raise IngressFull(
                self._reason,
                hint="the house is working on it: send it again after Retry-After",
                retry_after=_RETRY_SECONDS,
            )

    async def _look(self, resources: Resources) -> str | None:
        async with resources.database.pool.acquire() as connection:
            [(span, oldest)] = await connection.fetch(_SPAN)
            if span > self._most_events:
                count = await connection.fetchval(_COUNT, self._most_events + 1)
                if count > self._most_events:
                    return f"more than {self._most_events} events wait to be published"
        if oldest is not None and resources.clock.now() - oldest > self._oldest:
            return f"events wait since {oldest.isoformat()} to be published"
        return None
