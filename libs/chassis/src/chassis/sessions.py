"""SQLAlchemy's sessions on the service's database, for services that keep rows as models.

They give `build_app` a `Sessions`; for the others SQLAlchemy would be a quarter of their start.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from sqlalchemy import event
from sqlalchemy.exc import (
    DBAPIError,
    DisconnectionError,
    EmulatedDBAPIException,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm.exc import StaleDataError
from sqlalchemy.pool import QueuePool
from sqlmodel.ext.asyncio.session import AsyncSession as SqlModelSession

from chassis import dberrors
from chassis.connections import Connections
from chassis.db import CONNECT_SECONDS, Database
from chassis.errors import Refusal

SESSION_CONNECTIONS: Final = 4
SESSION_OVERFLOW: Final = 8
"""Each connection is a server process of some 5-10 MB; requests queue rather than add more."""
STATEMENT_SECONDS: Final = 20

_REQUEST_PARAMETERS: Final = {
    "lock_timeout": "5s",
    "statement_timeout": f"{STATEMENT_SECONDS}s",
}


class Session(SqlModelSession):
    """SQLModel's session; `execute` stays usable for statements that yield no models."""

    # SQLModel deprecates it in favour of `exec`, which takes selects of models only.
    execute = AsyncSession.execute


class Sessions:
    """Sessions of requests, on connections of their own that are kept between them."""

    errors: Final = (SQLAlchemyError, EmulatedDBAPIException)

    def __init__(self) -> None:
        self._make: async_sessionmaker[Session] | None = None
        self._pool: QueuePool | None = None

    def __call__(self) -> Session:
        assert self._make is not None, "the sessions were not opened"
        return self._make()

    def connections(self) -> Connections | None:
        """How many connections the sessions have; None while they are not open."""
        if self._pool is None:
            return None
        in_use, idle = self._pool.checkedout(), self._pool.checkedin()
        most = SESSION_CONNECTIONS + SESSION_OVERFLOW
        return Connections(in_use, idle, most - in_use - idle)

    @asynccontextmanager
    async def opened(self, database: Database) -> AsyncIterator[None]:
        """Hold the connections open. Connects only when a session needs one."""
        engine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=lambda: database.connect(_REQUEST_PARAMETERS),
            pool_size=SESSION_CONNECTIONS,
            max_overflow=SESSION_OVERFLOW,
            pool_timeout=CONNECT_SECONDS,
            # Statement parameters are customers' data; they must not reach logs.
            hide_parameters=True,
        )
        event.listen(engine.sync_engine, "checkout", _refuse_closed)
        assert isinstance(engine.pool, QueuePool)
        self._pool = engine.pool
        self._make = async_sessionmaker(
            engine, class_=Session, expire_on_commit=False, autoflush=False
        )
        try:
            yield
        finally:
            await engine.dispose()

    @staticmethod
    def refusal_of(error: BaseException) -> Refusal | None:
        """The refusal behind one of `errors`, None when it is a fault of ours."""
        if isinstance(error, StaleDataError):
            return dberrors.concurrent_change(error)
        if isinstance(error, PoolTimeout):
            return dberrors.unavailable(error)
        return dberrors.refusal_of(_driver_error(error))


def _driver_error(error: BaseException) -> BaseException:
    if isinstance(error, DBAPIError) and error.orig is not None:
        return error.orig.__cause__ or error.orig
    if isinstance(error, EmulatedDBAPIException):  # of a transaction that could not begin
        return error.orig or error
    return error


def _refuse_closed(connection: Any, *_: object) -> None:
    """Have the pool connect anew where the server has ended a session that lay in it.

    The driver knows of that without asking. SQLAlchemy's own ping is a transaction of its own, four
    round trips for every request, and finds no more: a server that is gone without a word lets a
    ping wait as long as a statement.
    """
    if connection.driver_connection.is_closed():
        raise DisconnectionError("the server has ended this session")
