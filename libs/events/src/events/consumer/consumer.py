"""The consumer: reads the log, applies events exactly once, in the service's own database.

One coroutine owns everything that moves: it claims, reads, applies and commits.
Beside it runs only the watch, which looks and never writes positions.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal

import asyncpg

from events.cloudevents import EventReader
from events.consumer.applying import Applier, TooManyRejected
from events.consumer.batch import Batch, Stretch, oldest_seconds
from events.consumer.claims import check_identity, claim, require_ours, stop_claim
from events.consumer.dead_letters import DeadLetters
from events.consumer.folding import Folded, StandsOut, folds
from events.consumer.intake import Intake
from events.consumer.members import Members
from events.consumer.plan import Plan
from events.consumer.received import Connection, Handler
from events.consumer.settings import ConsumerSettings
from events.consumer.store import ParkedRows
from events.consumer.versions import Versions, VersionsByConsumer, VersionsByHandler
from events.consumer.watch import CONNECTION_SECONDS, INFRASTRUCTURE, Watch
from events.errors import LogChanged, TopicMissing
from events.ids import uuid7
from events.log import Log, Reader, TopicPartition
from events.observer import Observer, Unobserved
from events.types import EVENT_TYPES, EventData
from events.waiting import is_set_within

_SESSION: Final = """
SET idle_in_transaction_session_timeout = {patience_ms};
SET plan_cache_mode = force_custom_plan"""
"""A process that is paused within a transaction loses it, and its locks, so that another can
take over. A plan made while the tables were empty would scan them for every later batch.
"""


class Consumer:
    """Applies the events of some topics to one database, each exactly once.

    Run as many processes of one `name` as you like: they share the partitions.
    The database needs `schema_sql.CONSUMER_SQL`; when it also has an outbox,
    what is rejected is published to `<topic>-dlq` too. The pool needs three
    connections: loop, watch, and one to spare; and a `command_timeout`, or a server
    that is gone without a word is noticed by the watchdog only.
    """

    def __init__(
        self,
        log: Log,
        pool: asyncpg.Pool[Any],
        *,
        name: str,
        topics: Sequence[str],
        handler: Handler,
        reads: Iterable[type[EventData]] = EVENT_TYPES.values(),
        versions: Literal["consumer", "handler"] = "consumer",
        observer: Observer | None = None,
        settings: ConsumerSettings | None = None,
    ) -> None:
        """`reads` are the types that the handler gets, or narrow views of them; the rest is
        passed over undecoded. `versions` says who tells copies and gaps of an aggregate's
        events: with "handler" it gets every record of the log, once and in order, copies and
        late ones as well, and must know them by what it stores.
        """
        self._log = log
        self._pool = pool
        self._name = name
        self._topics = tuple(topics)
        self._handler = handler
        self._observer = observer or Unobserved()
        self._settings = settings or ConsumerSettings()
        reader = EventReader(reads)
        self._read = reader.read
        self._parked = ParkedRows(name, read=self._read)
        self._versions: Versions
        self._begin: Callable[[], Batch | Folded] = Batch
        if versions == "consumer":
            self._versions = VersionsByConsumer(name, self._parked)
        else:
            self._versions = keys = VersionsByHandler(self._parked)
            self._begin = folds(handler, read_all=reader.read_all, keys=keys) or Batch
        self._one_by_one: Mapping[TopicPartition, int] = {}
        self._member = uuid7()
        self._members = Members(
            name, member=self._member, timeout_seconds=self._settings.member_timeout_seconds
        )
        self._watch = Watch(
            log,
            pool,
            consumer=name,
            topics=self._topics,
            members=self._members,
            observer=self._observer,
            settings=self._settings,
        )
        self._asked_at = self._counted_at = float("-inf")
        self._backoff = self._settings.retry_first_seconds

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until `stop` is set; the batch at hand is finished first.

        Raises LogChanged, TopicMissing or ConsumerStuck, after which the process
        should end and be started again.
        """
        loop = asyncio.create_task(self._loop(stop), name=f"consumer {self._name}")
        watch = asyncio.create_task(self._watch.run(), name=f"watch of {self._name}")
        try:
            with self._watch.guarded():
                done, _ = await asyncio.wait({loop, watch}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in (loop, watch):
                task.cancel()
            # Bounded: a loop that hangs may not answer to being cancelled either.
            await asyncio.wait({loop, watch}, timeout=5)
            await self._leave()

    def watermark(self) -> datetime | None:
        """Everything that was on the log before this instant is applied, as far as is owned here.

        None before the first look at the log, or when no partition is owned.
        """
        return self._watch.watermark()

    async def _loop(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await self._session(stop)
            except (LogChanged, TopicMissing):
                raise
            except Exception as error:  # noqa: BLE001 - nothing was committed: the same again, later
                self._watch.turned()
                if isinstance(error, INFRASTRUCTURE):
                    self._watch.progressed()  # nothing can be done, and to start anew is no help
                self._observer.retrying(self._name, error=error, seconds=self._backoff)
                await is_set_within(stop, self._backoff)
                self._backoff = min(self._backoff * 2, self._settings.retry_max_seconds)

    async def _session(self, stop: asyncio.Event) -> None:
        """With one reader and connection, until an error: then all is claimed anew."""
        self._watch.claims.clear()
        await self._watch.look()
        async with self._pool.acquire(timeout=CONNECTION_SECONDS) as connection:
            await connection.execute(
                _SESSION.format(patience_ms=int(self._settings.transaction_seconds * 1000))
            )
            try:
                await self._follow_claims(connection, stop)
            finally:
                connection.terminate()  # or who gets it next would have our settings

    async def _follow_claims(self, connection: Connection, stop: asyncio.Event) -> None:
        applier = await self._applier(connection)
        reader = await self._log.reader()
        try:
            while not stop.is_set():
                await self._claim(connection, reader)
                try:
                    await self._follow(connection, reader, applier, stop=stop)
                except StandsOut as refusal:
                    self._one_by_one = refusal.until
        finally:
            await reader.close()

    async def _applier(self, connection: Connection) -> Applier:
        return Applier(
            consumer=self._name,
            handler=self._handler,
            versions=self._versions,
            parked=self._parked,
            dead_letters=await DeadLetters.find(
                connection, self._log, consumer=self._name, topics=self._topics
            ),
            learned=self._watch.learned,
        )

    async def _claim(self, connection: Connection, reader: Reader) -> None:
        """Own exactly what is wanted; what others took over is let go without a word."""
        claims, wanted = self._watch.claims, self._watch.wanted
        for lost in claims.keys() - wanted:
            del claims[lost]
        new = sorted(wanted - claims.keys())
        if new:
            taken = await claim(
                connection,
                self._log,
                new,
                consumer=self._name,
                owner=self._member,
                settings=self._settings,
            )
            await check_identity(reader, taken, consumer=self._name)
            claims.update(taken)
        await self._versions.claimed(connection)
        reader.assign({where: ours.next_offset for where, ours in claims.items()})
        self._observer.claimed(self._name, partitions=len(claims))

    async def _follow(
        self, connection: Connection, reader: Reader, applier: Applier, *, stop: asyncio.Event
    ) -> None:
        """Apply batch after batch until our share changes; the next is read meanwhile.

        Raises StandsOut when what was folded is void, and is to be read again.
        """
        folds = not self._stands_out()
        begin = self._begin if folds else Batch
        async with Intake(reader, read=self._read, settings=self._settings, begin=begin) as intake:
            while not stop.is_set() and self._watch.wanted == self._watch.claims.keys():
                batch = await intake.take()
                self._watch.turned()
                await self._step(connection, applier, batch)
                if not folds and not self._stands_out():
                    break

    def _stands_out(self) -> bool:
        """Whether we have yet to come past what stood out when it was folded."""
        return any(
            claim.next_offset < self._one_by_one.get(where, 0)
            for where, claim in self._watch.claims.items()
        )

    async def _step(self, connection: Connection, applier: Applier, batch: Batch | Folded) -> None:
        now = time.monotonic()
        if now - self._asked_at >= self._settings.pulse_seconds:
            self._asked_at = now
            await require_ours(connection, self._watch.claims, consumer=self._name)
            owned = list(self._watch.claims)
            requested = [
                *await self._parked.requested(connection, owned),
                *await self._versions.overdue(connection, owned),
            ]
            if requested:
                await self._apply(connection, applier, Batch(requested=requested))
        if batch.stretches:
            await self._apply(connection, applier, batch)

    async def _apply(self, connection: Connection, applier: Applier, batch: Batch | Folded) -> None:
        started = time.monotonic()
        if started - self._counted_at >= self._settings.pulse_seconds:
            self._counted_at, batch.is_sample = started, True
        try:
            plan = await applier.apply(connection, batch, self._watch.claims)
        except TooManyRejected as error:
            await self._stop_partition(connection, error)
        else:
            self._applied(batch.stretches, plan, seconds=time.monotonic() - started)

    def _applied(
        self, stretches: Mapping[TopicPartition, Stretch], plan: Plan, *, seconds: float
    ) -> None:
        self._backoff = self._settings.retry_first_seconds
        for where, stretch in stretches.items():
            self._watch.claims[where].applied(stretch)
        self._watch.progressed()
        self._observer.batch_applied(
            self._name,
            records=sum(stretch.records for stretch in stretches.values()),
            applied=len(plan.apply) + plan.folded,
            duplicates=plan.duplicates,
            unknown=plan.unknown,
            gaps=plan.gaps,
            rows=plan.rows,
            seconds=seconds,
            oldest_seconds=oldest_seconds(stretches, datetime.now(UTC)),
        )
        for entry, reason in plan.park:
            self._observer.event_parked(self._name, topic=entry.where.topic, reason=reason)
        for outcome, count in plan.resolved().items():
            self._observer.parked_resolved(self._name, outcome=outcome, count=count)

    async def _stop_partition(self, connection: Connection, error: TooManyRejected) -> None:
        """Nothing of the batch was committed; the other partitions read theirs again."""
        where = error.partition
        claim, reason = self._watch.claims[where], str(error)
        await stop_claim(connection, where, claim, consumer=self._name, reason=reason)
        self._watch.stopped[where] = claim.watermark
        self._watch.wanted -= {where}
        self._observer.partition_stopped(
            self._name, topic=where.topic, partition=where.partition, reason=reason
        )

    async def _leave(self) -> None:
        """Let others take over at once; if this fails, they do after the timeout."""
        try:
            async with asyncio.timeout(2), self._pool.acquire(timeout=2) as connection:
                await self._members.leave(connection)
        except INFRASTRUCTURE as error:
            self._observer.retrying(self._name, error=error, seconds=0)
