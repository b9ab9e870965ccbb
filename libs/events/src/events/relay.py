"""The relay: from the outboxes to the log, in order, crash-only.

Invariant: a row is deleted only after the log has acknowledged its event, so a
crash repeats events and never loses one. Of each shard the events go out in the
order of their ids, which is their order within every aggregate.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import asyncpg
import msgspec

from events.cloudevents.kafka import binary_record
from events.database_errors import DATABASE_ERRORS
from events.event import Event, UnknownData
from events.log import Log, NewRecord, Producer
from events.observer import Observer, Unobserved
from events.outbox import SHARDS

_BATCH: Final = 2_000
_FIRST_PAUSE: Final = 0.005
_LONGEST_PAUSE: Final = 0.2
_SHARDS_SECONDS: Final = 2.0
"""How often to try for the shards that another relay holds."""
_DEPTH_SECONDS: Final = 5.0
_RECONNECT_SECONDS: Final = (0.2, 5.0)
_LOCK_SPACE: Final = 0x6F75_7462
"""First key of the advisory locks: "outb"."""

_SELECT: Final = """
SELECT id, event_id, aggregatetype, aggregateid, aggregate_version, type, payload, source,
       occurred_at, recorded_at, traceparent, extensions
FROM outbox WHERE shard = ANY($1) ORDER BY id LIMIT $2"""
_DEPTH: Final = """
SELECT count(*), coalesce(extract(epoch FROM now() - min(recorded_at)), 0)::float8 FROM outbox"""

_extensions: Final = msgspec.json.Decoder(dict[str, str]).decode


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
        PublishFailed, LogUnavailable or TopicMissing on any error of the log: end
        the process.
        """
        producer = await self._log.producer()
        try:
            async with asyncio.TaskGroup() as group:
                for name, url in self._outboxes.items():
                    group.create_task(self._serve(name, url, producer=producer, stop=stop))
        except ExceptionGroup as errors:
            raise _first(errors) from errors  # one cause is told, not a group
        finally:
            await producer.close()

    async def _serve(self, name: str, url: str, *, producer: Producer, stop: asyncio.Event) -> None:
        """One outbox, on one connection after another."""
        pause = _RECONNECT_SECONDS[0]
        while not stop.is_set():
            try:
                connection = await asyncpg.connect(url, timeout=10)
            except DATABASE_ERRORS as error:
                self._observer.outbox_unreachable(name, error=error)
                await _sleep(stop, pause)
                pause = min(pause * 2, _RECONNECT_SECONDS[1])
                continue
            pause = _RECONNECT_SECONDS[0]
            try:
                await _Outbox(
                    name,
                    connection,
                    producer=producer,
                    observer=self._observer,
                    shards=self._shards,
                ).empty(stop)
            except DATABASE_ERRORS as error:
                # What was published and not deleted goes out again: a copy, which consumers know.
                self._observer.outbox_unreachable(name, error=error)
                await _sleep(stop, pause)
            finally:
                connection.terminate()


class _Outbox:
    """An outbox through the connection that holds the locks of its shards.

    Rows are read through the same session that holds the lock: if it reads, it
    owns. A relay that is paused after reading can still publish late; consumers
    drop that by sequence.
    """

    def __init__(
        self,
        name: str,
        connection: asyncpg.Connection[Any],
        *,
        producer: Producer,
        observer: Observer,
        shards: Sequence[int],
    ) -> None:
        self._name = name
        self._connection = connection
        self._producer = producer
        self._observer = observer
        self._shards = shards
        self._owned: list[int] = []
        self._next_locks = self._next_depth = 0.0

    async def empty(self, stop: asyncio.Event) -> None:
        pause = _FIRST_PAUSE
        while not stop.is_set():
            await self._look_around()
            moved = await self._move() if self._owned else 0
            if moved:
                pause = _FIRST_PAUSE
            if moved < _BATCH:
                await _sleep(stop, pause)
                pause = min(pause * 2, _LONGEST_PAUSE)

    async def _look_around(self) -> None:
        now = time.monotonic()
        if len(self._owned) < len(self._shards) and now >= self._next_locks:
            self._next_locks = now + _SHARDS_SECONDS
            for shard in set(self._shards) - set(self._owned):
                if await self._connection.fetchval(
                    "SELECT pg_try_advisory_lock($1, $2)", _LOCK_SPACE, shard
                ):
                    self._owned.append(shard)
        if now >= self._next_depth:
            self._next_depth = now + _DEPTH_SECONDS
            row = await self._connection.fetchrow(_DEPTH)
            assert row is not None
            self._observer.outbox(self._name, waiting=row[0], oldest_seconds=max(0.0, row[1]))

    async def _move(self) -> int:
        started = time.monotonic()
        rows = await self._connection.fetch(_SELECT, self._owned, _BATCH)
        if not rows:
            return 0
        await self._producer.publish([_record(row) for row in rows])
        await self._connection.execute(
            "DELETE FROM outbox WHERE id = ANY($1)", [r[0] for r in rows]
        )
        self._observer.published(self._name, count=len(rows), seconds=time.monotonic() - started)
        return len(rows)


def _record(row: Any) -> NewRecord:
    extensions = row["extensions"]
    event = Event(
        id=row["event_id"],
        source=row["source"],
        type=row["type"],
        subject=row["aggregateid"],
        sequence=row["aggregate_version"],
        time=row["occurred_at"],
        recordedtime=row["recorded_at"],
        data=UnknownData(raw=b""),
        traceparent=row["traceparent"],
        extensions=_extensions(extensions) if extensions else {},
    )
    return binary_record(event, topic=row["aggregatetype"], value=row["payload"].encode())


def _first(errors: BaseExceptionGroup[Exception]) -> Exception:
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, Exception)
    return error


async def _sleep(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
