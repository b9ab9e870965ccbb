"""The service's own PostgreSQL database: a pool of connections, and how long they may take.

Invariant: nobody waits for ever, neither for a connection nor for its answer.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import asyncpg

from chassis.connections import Connections
from events.sessions import FOUND_OUT, leave_as_it_is

log = logging.getLogger(__name__)

CONNECT_SECONDS: Final = 5.0
"""For a new connection, and for one that others may be using."""
POOL_CONNECTIONS: Final = 4
ANSWER_SECONDS: Final = 25.0
"""A statement without an answer is given up with its connection. PostgreSQL ends those of requests
before: this is for a server, or a way to it, that is gone without a word.
"""
LONGEST_WAIT_SECONDS: Final = 10.0

_PARAMETERS: Final = {
    "timezone": "UTC",
    # JIT compiles for longer than our short statements run.
    "jit": "off",
    # Whose client, process or machine hangs or is gone must not hold locks for ever.
    "idle_in_transaction_session_timeout": "30s",
    **FOUND_OUT,
}

UNREACHABLE: Final = (OSError, asyncpg.PostgresConnectionError, asyncpg.CannotConnectNowError)
"""What asyncpg raises while the server is away, starting or stopping."""

if TYPE_CHECKING:
    from asyncpg.pool import PoolAcquireContext

    _Pool = asyncpg.Pool[asyncpg.Record]
else:
    _Pool = asyncpg.Pool  # which has no parameters while it runs


class BoundedPool(_Pool):
    """A pool that lends within CONNECT_SECONDS, and raises TimeoutError when all stay in use.

    asyncpg would have everybody wait for as long as it takes, and takes the limit only call by
    call. Its limit also bounds giving the connection back.
    """

    def __init__(self, url: str, **settings: Any) -> None:
        super().__init__(
            url,
            loop=None,
            connection_class=asyncpg.Connection,
            record_class=asyncpg.Record,
            # As `asyncpg.create_pool` has them.
            max_queries=50_000,
            max_inactive_connection_lifetime=300.0,
            **settings,
        )

    def acquire(self, *, timeout: float | None = None) -> "PoolAcquireContext[asyncpg.Record]":
        return super().acquire(timeout=CONNECT_SECONDS if timeout is None else timeout)


class Database:
    """Connections to one database; opens lazily, so that building an app needs no server."""

    def __init__(self, url: str, *, application_name: str) -> None:
        self._url = url
        self._application_name = application_name
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None

    @property
    def pool(self) -> "asyncpg.Pool[asyncpg.Record]":
        """Asyncpg connections, for consumers, imports and other hot paths."""
        assert self._pool is not None, "the database was not opened"
        return self._pool

    @asynccontextmanager
    async def opened(self) -> AsyncIterator["Database"]:
        """Hold the pools open. Connects only when a connection is asked for."""
        self._pool = await BoundedPool(
            self._url,
            min_size=0,
            max_size=POOL_CONNECTIONS,
            timeout=CONNECT_SECONDS,
            command_timeout=ANSWER_SECONDS,
            server_settings={"application_name": self._application_name, **_PARAMETERS},
            reset=leave_as_it_is,
        )
        try:
            yield self
        finally:
            self._pool.terminate()

    def connections(self) -> Connections | None:
        """How many connections the pool has; None while it is not open."""
        if self._pool is None:
            return None
        size, idle = self._pool.get_size(), self._pool.get_idle_size()
        return Connections(size - idle, idle, self._pool.get_max_size() - size)

    async def connect(
        self,
        parameters: Mapping[str, str] = MappingProxyType({}),
        *,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> "asyncpg.Connection[asyncpg.Record]":
        """A connection of its own, with these parameters of its session; the caller closes it."""
        connection: asyncpg.Connection[asyncpg.Record] = await asyncpg.connect(
            self._url,
            timeout=CONNECT_SECONDS,
            command_timeout=answer_seconds,
            server_settings={
                "application_name": self._application_name,
                **_PARAMETERS,
                **parameters,
            },
        )
        return connection

    async def check(self) -> None:
        """Raise unless the database answers."""
        async with self.pool.acquire() as connection:
            await connection.execute("SELECT 1")

    async def wait(self) -> None:
        """Return when the database answers; until then say so, ever less often."""
        delay = 0.2
        while True:
            try:
                await self.check()
            except (*UNREACHABLE, TimeoutError, asyncpg.InvalidCatalogNameError) as error:
                log.warning(
                    "database not reachable, trying again in %.1f s: %s", delay, first_line(error)
                )
                await asyncio.sleep(delay)
                delay = min(delay * 2, LONGEST_WAIT_SECONDS)
            else:
                return


def first_line(error: BaseException) -> str:
    """An error's message without PostgreSQL's DETAIL, which quotes the data."""
    return (str(error).splitlines() or [type(error).__name__])[0]
