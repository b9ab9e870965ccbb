"""The relay: from the outboxes to the log, in order, crash-only."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from events.log import Log
from events.observer import Observer, Unobserved
from events.outbox import SHARDS


class Relay:
    """Empties outboxes into the log.

    Any number of relays may run: each shard of each outbox has one owner, by a
    session advisory lock, so never connect it through a transaction pooler.
    """

    def __init__(
        self,
        log: Log,
        outboxes: Mapping[str, str],
        *,
        observer: Observer | None = None,
        shards: Sequence[int] = range(SHARDS),
    ) -> None:
        """`outboxes` maps a name (the service, for telemetry) to its DATABASE_URL."""
        self._log = log
        self._outboxes = dict(outboxes)
        self._observer = observer or Unobserved()
        self._shards = tuple(shards)

    async def run(self, stop: asyncio.Event) -> None:
        """Relay until `stop` is set.

        A database that does not answer is retried while the others go on. Raises
        PublishFailed or TopicMissing on any error of the log: end the process.
        """
        raise NotImplementedError
