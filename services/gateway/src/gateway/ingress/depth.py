"""How far the log is behind the outbox; from some depth on nothing more is taken.

While the relay or the log is down events are accepted: the outbox is durable.
It is not endless, so the door closes before the disk is full.
"""

from __future__ import annotations

import time
from typing import Final

from chassis.resources import Resources
from events.outbox import measure
from gateway.ingress.results import IngressFull

_LOOK_SECONDS: Final = 1.0
_RETRY_SECONDS: Final = 30


class OutboxDepth:
    """Looks at the outbox at most once a second, and remembers what it saw."""

    def __init__(self, *, most_events: int, oldest_seconds: int) -> None:
        self._most_events = most_events
        self._oldest_seconds = oldest_seconds
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
            depth = await measure(connection)
        if depth.waiting > self._most_events:
            return f"more than {self._most_events} events wait to be published"
        if depth.oldest_seconds > self._oldest_seconds:
            return f"events wait for {depth.oldest_seconds:.0f} s to be published"
        return None
