"""Moves one outbox through the connection that holds the locks of its shards.

Invariant: a row is deleted only after the log has acknowledged its event, so a
crash repeats events and never loses one. Of each shard the events go out in the
order of their ids, which is their order within every aggregate.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from events.cloudevents.envelope import write_envelope
from events.cloudevents.kafka import structured_record
from events.doorbell import CHANNEL
from events.outbox import STRETCH, measure
from events.relay.runs import runs_of
from events.relay.shards import Shards
from events.relay.stretches import unfold
from events.waiting import is_set_within

if TYPE_CHECKING:
    import asyncpg

    from events.log import NewRecord, Producer
    from events.observer import Observer

_PAGE_ROWS: Final = 5_000
_PAGE_BYTES: Final = 4 * 1024 * 1024
_UNPACKED: Final = 16
"""How large a compressed payload is taken to be, by its stored size: to know it PostgreSQL would
have to unpack it. Events of ours become four times as large; what holds nothing but repetitions
ninety times, so that a page of the worst that there is has 24 MiB.
"""
_PAGES_UNDER_WAY: Final = 3
"""While they are on their way to the log, the next is read. A third drains an eighth faster."""
_GATHER_SECONDS: Final = 0.01
"""From a page that was not full to the next. However little is in it, a page costs relay, broker,
consumers and databases some 6 ms of processor time together.
"""
_FIRST_PAUSE: Final = 0.002
_LONGEST_PAUSE: Final = 0.2
"""Who rings is heard at once; this is for those who do not, and for rings that get lost."""
_LOOK_SECONDS: Final = 1.0
"""How often to see who else is there; a new relay gets its share of the shards as soon."""
_DEPTH_SECONDS: Final = 5.0
_PROOF_SECONDS: Final = 3.0
"""While the log is slow, how often to show PostgreSQL that we live; its limit is ten seconds."""
_STOP_SECONDS: Final = 2.0

_COLUMNS: Final = """id, event_id, aggregatetype, aggregateid, aggregate_version, type, payload,
           source, occurred_at, recorded_at, traceparent, extensions"""
PAGE: Final = f"""
SELECT {_COLUMNS}, bytes FROM (
    SELECT {_COLUMNS}, own, sum(own) OVER (ORDER BY id ROWS UNBOUNDED PRECEDING) AS bytes FROM (
        SELECT {_COLUMNS}, CASE type WHEN '{STRETCH}' THEN (payload->>'bytes')::bigint
                           ELSE pg_column_size(payload) * CASE
                               WHEN pg_column_compression(payload) IS NULL THEN 1
                               ELSE {_UNPACKED} END
                           END AS own
        FROM outbox WHERE shard = ANY($1) AND NOT id <@ $2::int8multirange
        ORDER BY id LIMIT $3) waiting) page
WHERE bytes - own < $4 ORDER BY id"""  # noqa: S608 - names of columns, ours
_DELETE: Final = """
DELETE FROM outbox o USING unnest($1::int8multirange) run
WHERE o.id >= lower(run) AND o.id < upper(run)"""

_extensions: Final = msgspec.json.Decoder(dict[str, str]).decode


class _Page(NamedTuple):
    events: int
    runs: list[asyncpg.Range[int]]
    sent: asyncio.Task[None]
    started: float


class Mover:
    """Empties one outbox, as far as its shards are ours, until it is told to stop.

    Rows are read through the session that holds the locks: if it reads, it owns. A
    relay that is paused after reading can still publish late; consumers drop that by
    sequence. It cannot delete late: its session has ended with its locks.
    """

    def __init__(
        self,
        name: str,
        connection: asyncpg.Connection[Any],
        *,
        producer: Producer,
        observer: Observer,
        tasks: asyncio.TaskGroup,
        progress: Callable[[], None],
    ) -> None:
        self._name = name
        self._connection = connection
        self._producer = producer
        self._observer = observer
        self._tasks = tasks
        self._progress = progress
        self._shards = Shards(connection)
        self._under_way: deque[_Page] = deque()
        self._next_page = 0.0
        self._rung = asyncio.Event()
        self._next_look = self._next_depth = 0.0

    async def empty(self, stop: asyncio.Event) -> None:
        await self._connection.add_listener(CHANNEL, lambda *_: self._rung.set())
        stopping = asyncio.create_task(stop.wait())
        stopping.add_done_callback(lambda _: self._rung.set())
        pause = _FIRST_PAUSE
        try:
            while not stop.is_set():
                await self._look_around()
                await self._gather(stop)
                if await self._send_page() and len(self._under_way) < _PAGES_UNDER_WAY:
                    continue
                if self._under_way:
                    await self._finish_page()
                    pause = _FIRST_PAUSE
                else:
                    pause = await self._rest(pause)
            await self._finish_soon()
        finally:
            stopping.cancel()

    async def settle(self) -> None:
        """Wait for what is under way, whose rows stay: a lost connection cannot delete them."""
        while self._under_way:
            await self._under_way.popleft().sent

    async def _send_page(self) -> bool:
        """Read the next rows and send them off; whether there are more."""
        if not self._shards.owned:
            return False
        started = time.monotonic()
        under_way = [run for page in self._under_way for run in page.runs]
        rows = await self._connection.fetch(
            PAGE, self._shards.owned, under_way, _PAGE_ROWS, _PAGE_BYTES
        )
        if not rows:
            return False
        records = await self._records(rows)
        sent = self._tasks.create_task(self._producer.publish(records))
        runs = runs_of([row[0] for row in rows])
        self._under_way.append(_Page(len(records), runs, sent, started))
        if len(rows) == _PAGE_ROWS or rows[-1]["bytes"] >= _PAGE_BYTES:
            return True
        self._next_page = started + _GATHER_SECONDS
        return False

    async def _records(self, rows: Sequence[asyncpg.Record]) -> list[NewRecord]:
        """In the order of the rows, those of stretches in that of their feeds."""
        stretches = [row for row in rows if row["type"] == STRETCH]
        if not stretches:
            return [_record(row) for row in rows]
        unfolded = await unfold(self._connection, stretches)
        return [
            record
            for row in rows
            for record in (unfolded[row["id"]] if row["type"] == STRETCH else (_record(row),))
        ]

    async def _finish_page(self) -> None:
        """Delete the oldest page once the log has it."""
        page = self._under_way[0]
        while not (await asyncio.wait({page.sent}, timeout=_PROOF_SECONDS))[0]:
            await self._connection.execute("SELECT 1")
        page.sent.result()
        await self._connection.execute(_DELETE, page.runs)
        self._under_way.popleft()
        self._progress()
        self._observer.published(
            self._name, count=page.events, seconds=time.monotonic() - page.started
        )

    async def _gather(self, stop: asyncio.Event) -> None:
        """After a page that was not full, let rows come together for the next."""
        wait = self._next_page - time.monotonic()
        if wait > 0 and not stop.is_set():
            await asyncio.sleep(wait)

    async def _finish_soon(self) -> None:
        """Before stopping: what the log has by now need not go out a second time."""
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                while self._under_way:
                    await self._finish_page()
        except TimeoutError:
            for page in self._under_way:
                page.sent.cancel()

    async def _rest(self, pause: float) -> float:
        """Wait for a ring, or for as long as is due; answers how long to wait the next time."""
        self._progress()
        if not await is_set_within(self._rung, pause):
            return min(pause * 2, _LONGEST_PAUSE)
        self._rung.clear()
        return _FIRST_PAUSE

    async def _look_around(self) -> None:
        now = time.monotonic()
        if now >= self._next_look:
            self._next_look = now + _LOOK_SECONDS
            while self._under_way:
                await self._finish_page()
            await self._shards.share()
            if self._shards.is_held:
                self._producer.forget_topics()
        if now >= self._next_depth:
            self._next_depth = now + _DEPTH_SECONDS
            depth = await measure(self._connection)
            self._observer.outbox(
                self._name, waiting=depth.waiting, oldest_seconds=depth.oldest_seconds
            )


def _record(row: asyncpg.Record) -> NewRecord:
    _, event_id, topic, subject, version, wire_type, payload, source, *rest = row
    occurred_at, recorded_at, traceparent, extensions, _ = rest
    value = write_envelope(
        data=payload.encode(),
        id=event_id,
        source=source,
        type=wire_type,
        subject=subject,
        sequence=version,
        time=occurred_at,
        recordedtime=recorded_at,
        traceparent=traceparent,
        extensions=_extensions(extensions) if extensions else None,
    )
    return structured_record(value, topic=topic, subject=subject)
