"""Many requests, one commit: what arrives while a batch is being made durable forms the next one.

Invariant: what is held in memory is bounded. A request is given its bytes
before its body is read, and is told to come again when there are none left.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import asyncpg

from chassis.resources import Resources
from events.partners import Incoming
from gateway.ingress.results import IngressFull, Outcome
from gateway.ingress.taking import take_durably

_MOST_AT_ONCE: Final = 2_000
"""Events of one statement: more fold no better, and the first of them waits for the last."""


@dataclass(slots=True)
class _Waiting:
    events: Sequence[Incoming]
    done: asyncio.Future[list[Outcome]]


class Filing:
    """The one writer of this process; concurrent requests share its statements."""

    def __init__(self, *, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._held_bytes = 0
        self._waiting: deque[_Waiting] = deque()
        self._writer: asyncio.Task[None] | None = None

    @contextmanager
    def room(self, size: int) -> Iterator[None]:
        """Hold this many bytes for a request while it is read and filed. Raises IngressFull."""
        if self._held_bytes and self._held_bytes + size > self._most_bytes:
            raise IngressFull(
                f"{self._held_bytes // 1024} KiB of events are being taken already",
                hint="send it again after Retry-After, with the same ids",
                retry_after=1,
            )
        self._held_bytes += size
        try:
            yield
        finally:
            self._held_bytes -= size

    async def take(self, events: Sequence[Incoming], resources: Resources) -> list[Outcome]:
        """One outcome each, durable; a failure of the database comes as it was raised."""
        if not events:
            return []
        waiting = _Waiting(events, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        if self._writer is None:
            self._writer = asyncio.create_task(
                self._write(resources), name="filing of partners' events"
            )
        return await waiting.done

    async def _write(self, resources: Resources) -> None:
        try:
            while self._waiting:
                await self._commit(self._next(), resources)
        finally:
            self._writer = None

    def _next(self) -> list[_Waiting]:
        group = [self._waiting.popleft()]
        size = len(group[0].events)
        while self._waiting and size + len(self._waiting[0].events) <= _MOST_AT_ONCE:
            group.append(self._waiting.popleft())
            size += len(group[-1].events)
        return group

    async def _commit(self, group: Sequence[_Waiting], resources: Resources) -> None:
        events = [event for waiting in group for event in waiting.events]
        try:
            outcomes = await take_durably(
                resources.database.pool,
                events,
                received_at=resources.clock.now(),
                zone=resources.settings.company_time_zone,
            )
        except asyncpg.DataError as error:
            # A value that the database refuses is the fault of one request, not of its neighbours.
            if len(group) == 1:
                _fail(group, error)
                return
            for waiting in group:
                await self._commit([waiting], resources)
        except BaseException as error:  # whoever waits must hear of it, also of being cancelled
            _fail(group, error)
            if not isinstance(error, Exception):
                raise
        else:
            _settle(group, outcomes)


def _fail(group: Sequence[_Waiting], error: BaseException) -> None:
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
