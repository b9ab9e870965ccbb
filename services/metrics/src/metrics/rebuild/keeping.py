"""The background task for what takes long: building, switching and dropping generations, and
publishing closed periods, compacting the ledger. One process at a time does it.

In a thread of its own, with an event loop and a connection of its own: folding fifty
thousand events takes ten seconds, in which requests and batches must not stand still.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, Final

from chassis.clock import Clock
from chassis.resources import Resources
from events import Connection
from events.database_errors import DATABASE_ERRORS
from metrics.engine.company import Company
from metrics.publishing import publish_next
from metrics.rebuild.building import BuildFailed, move_on
from metrics.settling import settle
from metrics.store.generation import set_status

log = logging.getLogger(__name__)

REST_SECONDS: Final = 1.0
"""Between looks for something to do; also how far a generation that is ready stays behind."""
_SETTLE_SECONDS: Final = 60.0
_KEEPER: Final = 7_236_118_406
"""Advisory lock, of the session: it ends with the process that had it."""
_ANSWER_SECONDS: Final = 120.0
"""Nobody waits for a statement of a build."""
_KEEPER_SESSION: Final = {
    # Whoever keeps asks once a second; a session that does not is of a process that is gone.
    "idle_session_timeout": "60s",
    "idle_in_transaction_session_timeout": "300s",
}

Connect = Callable[[], Awaitable[Connection]]


def keep_generations(company: Company) -> Callable[[Resources], Coroutine[Any, Any, None]]:
    """The task. Every process of the service runs it; the first to come does the work."""

    async def keep(resources: Resources) -> None:
        stop = threading.Event()
        connect = partial(
            resources.database.connect, _KEEPER_SESSION, answer_seconds=_ANSWER_SECONDS
        )
        keeper = Keeper(connect, company=company, clock=resources.clock, stop=stop)
        working = asyncio.create_task(asyncio.to_thread(lambda: asyncio.run(keeper.run())))
        stopping = asyncio.create_task(resources.stopping.wait())
        try:
            await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            # The thread ends with its step: what it did not commit is done again.
            stop.set()
            stopping.cancel()
        await working

    return keep


class Keeper:
    """Works until it is told to stop."""

    def __init__(
        self, connect: Connect, *, company: Company, clock: Clock, stop: threading.Event
    ) -> None:
        self._connect = connect
        self._company = company
        self._clock = clock
        self._stop = stop
        self._settle_at = 0.0

    async def run(self) -> None:
        while not self._stop.is_set():
            try:
                connection = await self._connect()
                try:
                    await self._work(connection)
                finally:
                    await connection.close()
            except DATABASE_ERRORS as error:
                log.warning("the work on generations is tried again: %s", error)
            await self._rest()

    async def _work(self, connection: Connection) -> None:
        if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _KEEPER):
            return
        while not self._stop.is_set():
            if not await self._move_on(connection):
                await self._rest()

    async def _move_on(self, connection: Connection) -> bool:
        try:
            if await publish_next(connection, company=self._company, clock=self._clock):
                return True
            if await move_on(connection, company=self._company, clock=self._clock):
                return True
            return await self._settle(connection)
        except BuildFailed as failed:
            log.exception("generation %d cannot be built", failed.generation)
            reason = f"{type(failed.__cause__).__name__}: {failed.__cause__}"
            await set_status(connection, failed.generation, "failed", failure=reason)
            return False

    async def _settle(self, connection: Connection) -> bool:
        """Compact the ledger when nothing else waits, and look whether to not too often."""
        if time.monotonic() < self._settle_at:
            return False
        if await settle(connection, company=self._company, clock=self._clock):
            return True
        self._settle_at = time.monotonic() + _SETTLE_SECONDS
        return False

    async def _rest(self) -> None:
        await asyncio.to_thread(self._stop.wait, REST_SECONDS)
