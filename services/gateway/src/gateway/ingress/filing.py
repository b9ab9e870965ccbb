"""Many requests, one commit: what arrives while a batch is being made durable forms the next one.

Invariant: what is held in memory is bounded. A request is given its bytes
before its body is read, and is told to come again when there are none left. No
caller gets all of them, so that one who sends slowly delays nobody but itself.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import asyncpg

from chassis.resources import Resources
from events import Connection
from events.inbox import Newcomers
from events.partners import Incoming
from gateway.ingress.results import IngressFull, Outcome
from gateway.ingress.taking import take_durably

_MOST_AT_ONCE: Final = 2_000
"""Events of one statement: more fold no better, and the first of them waits for the last."""
_MOST_ON_WAY: Final = 2
"""Batches with PostgreSQL at a time. The second waits there for the lock of the first, and
begins when that is released: PostgreSQL need not wait until this process has the next one ready.
"""
_SHARES: Final = 4
"""A caller's requests hold at most this part of all bytes together; a first one always may come."""


@dataclass(slots=True)
class _Waiting:
    events: Sequence[Incoming]
    presumed_new: bool
    done: asyncio.Future[list[Outcome]]


class Filing:
    """The one door to the inbox of this process; concurrent requests share its statements."""

    def __init__(self, *, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._held: Counter[str] = Counter()
        self._newcomers = Newcomers()
        self._waiting: deque[_Waiting] = deque()
        self._waiting_events = 0
        self._on_way: list[Sequence[_Waiting]] = []
        self._starting = False
        self._writers: set[asyncio.Task[None]] = set()

    @contextmanager
    def room(self, caller: str, size: int) -> Iterator[None]:
        """Hold this many bytes for a request while it is read and filed. Raises IngressFull."""
        held, own = self._held.total(), self._held[caller]
        if held and held + size > self._most_bytes:
            raise _full(f"{held // 1024} KiB of events are being taken already")
        if own and own + size > self._most_bytes // _SHARES:
            raise _full(f"{own // 1024} KiB of your events are being taken already")
        self._held[caller] += size
        try:
            yield
        finally:
            self._held[caller] -= size
            if not self._held[caller]:
                del self._held[caller]

    async def take(self, events: Sequence[Incoming], resources: Resources) -> list[Outcome]:
        """One outcome each, durable; a failure of the database comes as it was raised."""
        if not events:
            return []
        waiting = _Waiting(
            events, self._newcomers.presumes(events), asyncio.get_running_loop().create_future()
        )
        self._waiting.append(waiting)
        self._waiting_events += len(events)
        if not self._starting and self._may_go():
            self._starting = True
            writer = asyncio.create_task(self._write(resources), name="filing of partners' events")
            self._writers.add(writer)  # the event loop itself holds tasks only weakly
            writer.add_done_callback(self._writers.discard)
        return await waiting.done

    def _may_go(self) -> bool:
        """Whether what waits is to be sent now, or does better to grow meanwhile.

        A second batch goes when it is as large as the first: smaller ones cost more commits. One
        that is looked up goes alone, for it must see all that was filed before.
        """
        if not self._waiting or not self._on_way:
            return bool(self._waiting)
        return (
            len(self._on_way) < _MOST_ON_WAY
            and self._waiting[0].presumed_new
            and all(waiting.presumed_new for waiting in self._on_way[0])
            and self._waiting_events >= sum(len(waiting.events) for waiting in self._on_way[0])
        )

    async def _write(self, resources: Resources) -> None:
        """Commit while there is what may go, by one connection: a pool resets what it lends."""
        try:
            while self._may_go():
                async with resources.database.pool.acquire() as connection:
                    self._starting = False
                    while self._may_go() and not connection.is_closed():
                        await self._send(self._next(), connection, resources)
        except BaseException as error:
            _fail(self._waiting, error)
            self._waiting.clear()
            self._waiting_events = 0
            if not isinstance(error, Exception):
                raise
        finally:
            self._starting = False

    def _next(self) -> list[_Waiting]:
        """The longest there are, all presumed new or none."""
        group = [self._waiting.popleft()]
        size = len(group[0].events)
        while (
            self._waiting
            and self._waiting[0].presumed_new == group[0].presumed_new
            and size + len(self._waiting[0].events) <= _MOST_AT_ONCE
        ):
            group.append(self._waiting.popleft())
            size += len(group[-1].events)
        self._waiting_events -= size
        return group

    async def _send(
        self, group: Sequence[_Waiting], connection: Connection, resources: Resources
    ) -> None:
        self._on_way.append(group)
        try:
            await self._commit(group, connection, resources)
        finally:
            self._on_way.remove(group)

    async def _commit(
        self, group: Sequence[_Waiting], connection: Connection, resources: Resources
    ) -> None:
        events = [event for waiting in group for event in waiting.events]
        try:
            outcomes = await take_durably(
                connection,
                events,
                received_at=resources.clock.now(),
                zone=resources.settings.company_time_zone,
                presumed_new=group[0].presumed_new,
                newcomers=self._newcomers,
            )
        except asyncpg.DataError as error:
            # A value that the database refuses is the fault of one request, not of its neighbours.
            if len(group) == 1:
                _fail(group, error)
                return
            for waiting in group:
                await self._commit([waiting], connection, resources)
        except BaseException as error:  # whoever waits must hear of it, also of being cancelled
            _fail(group, error)
            if not isinstance(error, Exception):
                raise
        else:
            _settle(group, outcomes)


def _full(detail: str) -> IngressFull:
    hint = "send it again after Retry-After, with the same ids"
    return IngressFull(detail, hint=hint, retry_after=1)


def _fail(group: Iterable[_Waiting], error: BaseException) -> None:
    for waiting in group:
        if not waiting.done.done():  # a caller that left has cancelled it
            waiting.done.set_exception(error)


def _settle(group: Sequence[_Waiting], outcomes: Sequence[Outcome]) -> None:
    begin = 0
    for waiting in group:
        end = begin + len(waiting.events)
        if not waiting.done.done():
            waiting.done.set_result(list(outcomes[begin:end]))
        begin = end
