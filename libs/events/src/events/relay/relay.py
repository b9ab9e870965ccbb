"""The relay: from the outboxes to the log, in order, crash-only."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import asyncpg

from events.database_errors import DATABASE_ERRORS
from events.errors import EventsError
from events.log import Log, Producer
from events.observer import Observer, Unobserved
from events.relay.mover import Mover
from events.relay.shards import SESSION
from events.waiting import is_set_within
from events.watchdog import Watchdog

_RECONNECT_SECONDS: Final = (0.2, 5.0)
_CONNECT_SECONDS: Final = 10.0
_ANSWER_SECONDS: Final = 35.0
"""A little more than the session's statement_timeout: for a server that is gone without a word."""


class NotMigrated(EventsError):
    """The database answers, and lacks a table that the relay reads."""


class Relay:
    """Empties outboxes into the log.

    Any number of relays may run and share the shards of each outbox. Each shard has one
    owner, by a session advisory lock, so never connect it through a transaction pooler.
    """

    def __init__(
        self,
        log: Log,
        outboxes: Mapping[str, str],
        *,
        observer: Observer | None = None,
        watchdog: Watchdog | None = None,
    ) -> None:
        """`outboxes` maps a name (the service, for telemetry) to its DATABASE_URL."""
        self._log = log
        self._outboxes = dict(outboxes)
        self._observer = observer or Unobserved()
        self._watchdog = watchdog

    async def run(self, stop: asyncio.Event) -> None:
        """Relay until `stop` is set.

        A database that does not answer is retried while the others go on. Raises
        PublishFailed, LogUnavailable or TopicMissing on any error of the log: end
        the process.
        """
        producer = await self._log.producer()
        try:
            async with asyncio.TaskGroup() as tasks:
                for name, url in self._outboxes.items():
                    tasks.create_task(
                        self._serve(name, url, producer=producer, tasks=tasks, stop=stop)
                    )
        except ExceptionGroup as errors:
            raise _first(errors) from errors  # one cause is told, not a group
        finally:
            await producer.close()

    async def _serve(
        self,
        name: str,
        url: str,
        *,
        producer: Producer,
        tasks: asyncio.TaskGroup,
        stop: asyncio.Event,
    ) -> None:
        """One outbox, on one connection after another."""
        pause = _RECONNECT_SECONDS[0]

        def progress() -> None:
            nonlocal pause
            pause = _RECONNECT_SECONDS[0]
            self._progress(name)

        while not stop.is_set():
            self._progress(name)
            try:
                connection = await _connect(url)
                producer.forget_topics()  # while we were away a topic may have grown
                mover = Mover(
                    name,
                    connection,
                    producer=producer,
                    observer=self._observer,
                    tasks=tasks,
                    progress=progress,
                )
                await _empty(mover, connection, stop)
            except DATABASE_ERRORS as error:
                self._observer.outbox_unreachable(name, error=_told(error))
                await is_set_within(stop, pause)
                pause = min(pause * 2, _RECONNECT_SECONDS[1])

    def _progress(self, name: str) -> None:
        if self._watchdog is not None:
            self._watchdog.progress(f"the outbox of {name}")


async def _connect(url: str) -> asyncpg.Connection[Any]:
    connection: asyncpg.Connection[Any] = await asyncpg.connect(
        url, timeout=_CONNECT_SECONDS, command_timeout=_ANSWER_SECONDS, server_settings=SESSION
    )
    return connection


async def _empty(mover: Mover, connection: asyncpg.Connection[Any], stop: asyncio.Event) -> None:
    try:
        await mover.empty(stop)
    except DATABASE_ERRORS:
        # What was published and not deleted goes out again: a copy, which consumers know.
        await mover.settle()
        raise
    finally:
        connection.terminate()


def _told(error: Exception) -> Exception:
    if not isinstance(error, asyncpg.UndefinedTableError):
        return error
    return NotMigrated(
        str(error).partition("\n")[0],
        hint="run the migrations of its service; the relay finds it within seconds",
    )


def _first(errors: BaseExceptionGroup[Exception]) -> Exception:
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, Exception)
    return error
