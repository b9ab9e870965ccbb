"""Watching a consumer from beside: membership, lag, watermark, and whether it is stuck.

A task of its own, with connections of its own, because a loop that hangs cannot
notice that it hangs.
"""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

import asyncpg

from events.consumer.claims import Claim
from events.consumer.members import Members
from events.consumer.settings import ConsumerSettings
from events.database_errors import DATABASE_ERRORS
from events.errors import ConsumerStuck, LogChanged, LogUnavailable
from events.log import Log, TopicPartition
from events.observer import Observer
from events.watchdog import Watchdog

log = logging.getLogger(__name__)

INFRASTRUCTURE: Final = (LogUnavailable, *DATABASE_ERRORS)
"""Errors that may pass by themselves."""

CONNECTION_SECONDS: Final = 10.0
"""For the pool to give a connection, and as long again to take one back that does not answer."""
_TOPICS_SECONDS: Final = 5.0
"""A topic that has grown is read as soon as this; asking costs one small request."""
_PARKED: Final = "SELECT reason, count(*) FROM consumer_parked WHERE consumer = $1 GROUP BY reason"
_KEEP: Final = """
UPDATE consumer_positions p SET watermark = greatest(p.watermark, $6)
FROM (
    SELECT q.topic, q.partition FROM consumer_positions q
    JOIN unnest($2::text[], $3::int[], $4::bigint[], $5::bigint[])
      AS w(topic, partition, epoch, next)
      ON q.topic = w.topic AND q.partition = w.partition
      AND q.epoch = w.epoch AND q.next_offset = w.next
    WHERE q.consumer = $1
    FOR UPDATE OF q SKIP LOCKED
) free
WHERE p.consumer = $1 AND p.topic = free.topic AND p.partition = free.partition"""
"""A partition that is being worked on is passed over: the watch must never wait for the loop."""
_STOPPED: Final = """
SELECT topic, partition FROM consumer_positions WHERE consumer = $1 AND stopped IS NOT NULL"""
_DISOWN: Final = """
UPDATE consumer_positions SET epoch = epoch + 1, last_digest = ''
WHERE consumer = $1 AND topic = $2 AND next_offset > 0"""
"""No record has an empty digest. The epoch keeps the loop from committing once more."""
_REASONS: Final = ("undecodable", "schema", "unprocessable", "gap", "held")


class Watch:
    """What the loop and the watch share: what to own, what is owned, and how far it is."""

    def __init__(
        self,
        log: Log,
        pool: asyncpg.Pool[Any],
        *,
        consumer: str,
        topics: Sequence[str],
        members: Members,
        observer: Observer,
        settings: ConsumerSettings,
    ) -> None:
        self._watchdog: Watchdog | None = None
        self._log = log
        self._pool = pool
        self._consumer = consumer
        self._topics = topics
        self._members = members
        self._observer = observer
        self._settings = settings
        self._partitions: list[TopicPartition] = []
        self._listed_at = float("-inf")
        self._progress_at = time.monotonic()
        self._identities: dict[str, str] = {}
        self.wanted: frozenset[TopicPartition] = frozenset()
        self.claims: dict[TopicPartition, Claim] = {}
        self.stopped: dict[TopicPartition, datetime | None] = {}
        """Partitions that this process will not touch again, with their watermark."""

    def progressed(self) -> None:
        """A batch was committed, there is nothing to do, or nothing can be done."""
        self._progress_at = time.monotonic()

    def turned(self) -> None:
        """The loop came round, if only to find nothing or to fail."""
        if self._watchdog is not None:
            self._watchdog.progress(f"consumer {self._consumer}")

    def learned(self) -> None:
        """A batch was undone for one bad event that is known now: slow with many, but no halt."""
        self.turned()
        self.progressed()

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Meanwhile end the process when the loop does not come round, whatever it hangs in.

        From a thread: should the event loop itself stand, or both the loop and the watch wait
        for one server that never answers, nothing else would notice. It waits longer than
        the watch does, which can say more.
        """
        with Watchdog(seconds=self._settings.stuck_seconds * 1.5, end=_end_process) as watchdog:
            self._watchdog = watchdog
            self.turned()
            yield

    def watermark(self) -> datetime | None:
        """The oldest of all partitions: what stands still holds it back."""
        marks = [claim.watermark for claim in self.claims.values()] + list(self.stopped.values())
        known = [mark for mark in marks if mark is not None]
        return min(known) if marks and len(known) == len(marks) else None

    async def run(self) -> None:
        """Look once a pulse, for ever. Raises ConsumerStuck, LogChanged, TopicMissing."""
        while True:
            try:
                async with asyncio.timeout(self._settings.stuck_seconds):
                    await self.look()
            except INFRASTRUCTURE as error:
                # The loop meets the same error and is excused by it; if it does not, but gets
                # nothing done either, it may be deaf.
                self._require_progress("cannot see what there is to read")
                self._observer.retrying(
                    self._consumer, error=error, seconds=self._settings.pulse_seconds
                )
            await asyncio.sleep(self._settings.pulse_seconds)

    async def look(self) -> None:
        """One pulse: say that we live, see our share, measure how far we are."""
        async with self._pool.acquire(timeout=CONNECTION_SECONDS) as connection:
            living = await self._members.beat(connection)
            parked = dict(await connection.fetch(_PARKED, self._consumer))
            if stopped := set(self.stopped):
                still = await connection.fetch(_STOPPED, self._consumer)
                self._let_go_on(stopped - {TopicPartition(*row) for row in still})
        for reason in _REASONS:
            self._observer.parked_total(self._consumer, reason=reason, count=parked.get(reason, 0))
        if time.monotonic() - self._listed_at > _TOPICS_SECONDS:
            self._partitions = await self._log.partitions(self._topics)
            self._listed_at = time.monotonic()
        self.wanted = self._members.share(self._partitions, living) - self.stopped.keys()
        await self._recognise()
        await self._measure()

    async def _recognise(self) -> None:
        """That the topics are those that we began with: a reader may not notice their successors.

        Some of a successor may be read before it is recognised, so that the last record read is
        one of its own; the mark that is left keeps a restart from going on as if it were right.
        """
        for topic, identity in (await self._log.identities(self._topics)).items():
            if self._identities.setdefault(topic, identity) != identity:
                async with self._pool.acquire(timeout=CONNECTION_SECONDS) as connection:
                    await connection.execute(_DISOWN, self._consumer, topic)
                raise LogChanged(
                    f"topic {topic} was recreated while {self._consumer} was reading it",
                    hint="restore it, or rebuild this consumer",
                )

    def _let_go_on(self, released: set[TopicPartition]) -> None:
        """Forget those that a person has released (`events.stopped`): they are claimed anew."""
        for where in released:
            self.stopped.pop(where, None)

    async def _measure(self) -> None:
        claims = dict(self.claims)
        asked_at = datetime.now(UTC)
        ends = await self._log.ends(list(claims)) if claims else {}
        behind = 0
        at_end: dict[TopicPartition, Claim] = {}
        for where, claim in claims.items():
            lag = max(0, ends[where] - claim.next_offset)
            self._observer.lag(
                self._consumer, topic=where.topic, partition=where.partition, records=lag
            )
            if not lag:
                claim.watermark = max(claim.watermark or asked_at, asked_at)
                at_end[where] = claim
            behind += lag
        await self._keep_watermark(at_end, asked_at)
        mark = self.watermark()
        if mark is not None:
            age = (datetime.now(UTC) - mark).total_seconds()
            self._observer.watermark_age(self._consumer, seconds=age)
        if not behind:
            self.progressed()
        self._require_progress(f"has {behind} records to read")

    def _require_progress(self, fact: str) -> None:
        idle = time.monotonic() - self._progress_at
        if idle > self._settings.stuck_seconds:
            raise ConsumerStuck(
                f"{self._consumer} {fact} and did nothing for {idle:.0f} s",
                hint="the process ends and is started again; see its last retries for the cause",
            )

    async def _keep_watermark(self, at_end: dict[TopicPartition, Claim], at: datetime) -> None:
        """Say in the database, too, that a partition is read to its end: readers ask there."""
        if not at_end:
            return
        async with self._pool.acquire(timeout=CONNECTION_SECONDS) as connection:
            await connection.execute(
                _KEEP,
                self._consumer,
                [where.topic for where in at_end],
                [where.partition for where in at_end],
                [claim.epoch for claim in at_end.values()],
                [claim.next_offset for claim in at_end.values()],
                at,
            )


def _end_process(reason: str) -> None:
    faulthandler.dump_traceback()  # where everything stands, for whoever asks why
    log.critical("ended: stuck: %s", reason)
    os._exit(1)
