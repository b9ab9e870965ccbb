"""The service's own PostgreSQL database: sessions for requests, a pool for hot paths."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Any, Final

import asyncpg
from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlmodel.ext.asyncio.session import AsyncSession as SqlModelSession

from events.sessions import FOUND_OUT

log = logging.getLogger(__name__)

CONNECT_SECONDS: Final = 5.0
SESSION_CONNECTIONS: Final = 4
SESSION_OVERFLOW: Final = 8
"""Each connection is a server process of some 5-10 MB; requests queue rather than add more."""
POOL_CONNECTIONS: Final = 4
STATEMENT_SECONDS: Final = 20
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
_REQUEST_PARAMETERS: Final = {
    "lock_timeout": "5s",
    "statement_timeout": f"{STATEMENT_SECONDS}s",
}

UNREACHABLE: Final = (OSError, asyncpg.PostgresConnectionError, asyncpg.CannotConnectNowError)
"""What asyncpg raises while the server is away, starting or stopping."""


class Session(SqlModelSession):
    """SQLModel's session; `execute` stays usable for statements that yield no models."""

    # SQLModel deprecates it in favour of `exec`, which takes selects of models only.
    execute = AsyncSession.execute


class Database:
    """Connections to one database; opens lazily, so that building an app needs no server."""

    def __init__(self, url: str, *, application_name: str) -> None:
        self._url = url
        self._application_name = application_name
        self._engine: AsyncEngine | None = None
        self._sessions: async_sessionmaker[Session] | None = None
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None

    @property
    def sessions(self) -> async_sessionmaker[Session]:
        assert self._sessions is not None, "the database was not opened"
        return self._sessions

    @property
    def pool(self) -> "asyncpg.Pool[asyncpg.Record]":
        """Asyncpg connections, for consumers, imports and other hot paths."""
        assert self._pool is not None, "the database was not opened"
        return self._pool

    @asynccontextmanager
    async def opened(self) -> AsyncIterator["Database"]:
        """Hold the pools open. Connects only when a connection is asked for."""
        self._engine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=lambda: self.connect(_REQUEST_PARAMETERS),
            pool_size=SESSION_CONNECTIONS,
            max_overflow=SESSION_OVERFLOW,
            pool_timeout=CONNECT_SECONDS,
            # Statement parameters are customers' data; they must not reach logs.
            hide_parameters=True,
        )
        event.listen(self._engine.sync_engine, "checkout", _refuse_closed)
        self._sessions = async_sessionmaker(
            self._engine, class_=Session, expire_on_commit=False, autoflush=False
        )
        self._pool = await asyncpg.create_pool(
            self._url,
            min_size=0,
            max_size=POOL_CONNECTIONS,
            timeout=CONNECT_SECONDS,
            command_timeout=ANSWER_SECONDS,
            server_settings={"application_name": self._application_name, **_PARAMETERS},
        )
        try:
            yield self
        finally:
            self._pool.terminate()
            await self._engine.dispose()

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
        async with self.pool.acquire(timeout=CONNECT_SECONDS) as connection:
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


async def driver_of(session: AsyncSession) -> "asyncpg.Connection[Any]":
    """The asyncpg connection under the session, inside the session's transaction."""
    connection = await session.connection()
    raw = await connection.get_raw_connection()
    driver = raw.driver_connection
    assert isinstance(driver, asyncpg.Connection)
    if not driver.is_in_transaction():
        # The adapter begins the transaction with the first statement that goes through it, which
        # would have to be one for nothing: a round trip of every command.
        adapter: Any = raw.dbapi_connection
        await adapter._start_transaction()  # noqa: SLF001 - no other way
    return driver


def _refuse_closed(connection: Any, *_: object) -> None:
    """Have the pool connect anew where the server has ended a session that lay in it.

    The driver knows of that without asking. SQLAlchemy's own ping is a transaction of its own, four
    round trips for every request, and finds no more: a server that is gone without a word lets a
    ping wait as long as a statement.
    """
    if connection.driver_connection.is_closed():
        raise DisconnectionError("the server has ended this session")
