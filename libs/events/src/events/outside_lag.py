"""How far every consumer is behind, told by somebody who is not that consumer.

A consumer that is dead or hangs tells nothing of itself, so this runs in another
process (the relay's) and compares the consumers' positions with the ends of the log.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, Final, Protocol

import asyncpg

from events.consumer.positions import Position, all_positions
from events.database_errors import DATABASE_ERRORS
from events.errors import LogUnavailable, TopicMissing
from events.log import Log, TopicPartition
from events.waiting import is_set_within

LOOK_SECONDS: Final = 2.0
REMEMBERED_LOOKS: Final = 3_600
"""Seconds behind are exact for two hours; who is behind for longer reads as two hours."""

_PARKED: Final = """
SELECT p.consumer, extract(epoch FROM min(k.parked_at))::float8
FROM (SELECT DISTINCT consumer FROM consumer_positions) p
LEFT JOIN consumer_parked k ON k.consumer = p.consumer
GROUP BY p.consumer"""


class LagObserver(Protocol):
    """Is told at every look; must be quick and must not raise."""

    def outside_lag(
        self, consumer: str, *, topic: str, partition: int, records: int, seconds: float
    ) -> None:
        """`records` are not applied, the oldest of them for at least `seconds`."""

    def oldest_parked(self, consumer: str, *, at: float | None) -> None:
        """When the parked record that waits longest was parked, in Unix time; None: none waits."""

    def lag_not_measured(self, database: str, *, error: Exception) -> None:
        """The positions in this database could not be compared with the log."""


class EndHistory:
    """Ends of a partition as they were seen, so that records behind become seconds behind."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque(maxlen=REMEMBERED_LOOKS)

    def seconds_behind(self, position: int, *, end: int, at: float) -> float:
        """How long the record at `position` has been on the log, at least; 0 at the end."""
        if not self._seen or self._seen[-1][1] != end:
            self._seen.append((at, end))
        while self._seen and self._seen[0][1] <= position:
            self._seen.popleft()
        return at - self._seen[0][0] if self._seen else 0.0


class OutsideLag:
    """Looks at all consumers of some databases every two seconds."""

    def __init__(self, log: Log, databases: Mapping[str, str], *, observer: LagObserver) -> None:
        """`databases` maps a name, for telemetry, to a DATABASE_URL."""
        self._log = log
        self._databases = dict(databases)
        self._observer = observer
        self._histories: dict[tuple[str, str, TopicPartition], EndHistory] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Look until `stop` is set; what cannot be seen now is tried again at the next look."""
        async with asyncio.TaskGroup() as group:
            for name, url in self._databases.items():
                group.create_task(self._watch(name, url, stop))

    async def _watch(self, name: str, url: str, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                connection = await asyncpg.connect(url, timeout=10, command_timeout=10)
                try:
                    while not stop.is_set():
                        await self._look(name, connection)
                        await is_set_within(stop, LOOK_SECONDS)
                finally:
                    connection.terminate()
            except (LogUnavailable, TopicMissing, *DATABASE_ERRORS) as error:
                self._observer.lag_not_measured(name, error=error)
                await is_set_within(stop, LOOK_SECONDS)

    async def _look(self, database: str, connection: asyncpg.Connection[Any]) -> None:
        positions = await all_positions(connection)
        if positions is None:
            return
        # The ends are asked for after the positions: a lag may then be told too large, never too
        # small, and only by what came in between.
        await self._tell(database, positions)
        for consumer, parked_at in await connection.fetch(_PARKED):
            self._observer.oldest_parked(consumer, at=parked_at)

    async def _tell(self, database: str, positions: Iterable[Position]) -> None:
        ends = await self._log.ends(list({position.where for position in positions}))
        now = time.monotonic()
        for consumer, where, next_offset, _ in positions:
            end = ends[where]
            history = self._histories.setdefault((database, consumer, where), EndHistory())
            self._observer.outside_lag(
                consumer,
                topic=where.topic,
                partition=where.partition,
                records=max(0, end - next_offset),
                seconds=history.seconds_behind(next_offset, end=end, at=now),
            )
