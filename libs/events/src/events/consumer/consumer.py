"""The consumer: reads the log, applies events exactly once, in the service's own database."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg

from events.consumer.received import Handler
from events.consumer.settings import ConsumerSettings
from events.log import Log
from events.observer import Observer, Unobserved


class Consumer:
    """Applies the events of some topics to one database, each exactly once.

    Run as many processes of one `name` as you like: they share the partitions.
    The database needs `schema_sql.CONSUMER_SQL`; when it also has an outbox,
    what is rejected is published to `<topic>-dlq` too.
    """

    def __init__(
        self,
        log: Log,
        pool: asyncpg.Pool[Any],
        *,
        name: str,
        topics: Sequence[str],
        handler: Handler,
        observer: Observer | None = None,
        settings: ConsumerSettings | None = None,
    ) -> None:
        self._log = log
        self._pool = pool
        self._name = name
        self._topics = tuple(topics)
        self._handler = handler
        self._observer = observer or Unobserved()
        self._settings = settings or ConsumerSettings()

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until `stop` is set; the batch at hand is finished first.

        Raises LogChanged, TopicMissing or ConsumerStuck, after which the process
        should end and be started again.
        """
        raise NotImplementedError

    def watermark(self) -> datetime | None:
        """Everything that was on the log before this instant is applied, as far as is owned here.

        None before the first look at the log, or when no partition is owned.
        """
        raise NotImplementedError
