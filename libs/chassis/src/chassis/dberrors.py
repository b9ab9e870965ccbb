"""PostgreSQL's errors as refusals: what is the caller's doing, what is the moment's."""

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm.exc import StaleDataError

from chassis.db import UNREACHABLE
from chassis.errors import ConcurrentChange, Conflict, Invalid, Refusal, Unavailable


class AlreadyExists(Conflict):
    """Another row has the same unique value."""

    title = "already exists"


class ReferenceMissing(Conflict):
    """A row that it refers to does not exist, or is still referred to."""

    title = "reference broken"


class ValueNotStorable(Invalid):
    """A value that no column can hold; strict field types should have refused it."""

    title = "value not storable"


class DatabaseUnavailable(Unavailable):
    """The database is away, starting, or too busy."""

    title = "the database does not answer"


_BUSY = (
    asyncpg.TooManyConnectionsError,
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
    asyncpg.InsufficientResourcesError,
)
_RACED = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
_OUTBOX_TABLE = "outbox"


def refusal_of(error: BaseException) -> Refusal | None:
    """The refusal behind a database error, None when it is a fault of ours."""
    if isinstance(error, StaleDataError):
        return _concurrent_change()
    if isinstance(error, PoolTimeout):
        return _unavailable()
    cause = _driver_error(error)
    if isinstance(cause, asyncpg.UniqueViolationError):
        return _of_unique_violation(cause)
    if isinstance(cause, asyncpg.ForeignKeyViolationError):
        return ReferenceMissing(
            f"a reference does not hold ({cause.constraint_name})",
            hint="create what it refers to first",
        )
    if isinstance(cause, _RACED):
        return _concurrent_change()
    if isinstance(cause, asyncpg.DataError):
        return ValueNotStorable(
            "a value cannot be stored", hint="remove NUL characters; keep numbers within 64 bits"
        )
    if isinstance(cause, (*_BUSY, *UNREACHABLE, TimeoutError)) or _connection_lost(cause):
        return _unavailable()
    return None


def _driver_error(error: BaseException) -> BaseException:
    if isinstance(error, DBAPIError) and error.orig is not None:
        return error.orig.__cause__ or error.orig
    return error


def _connection_lost(cause: BaseException) -> bool:
    return isinstance(cause, asyncpg.InterfaceError) and "clos" in str(cause)


def _of_unique_violation(cause: asyncpg.UniqueViolationError) -> Refusal:
    if cause.table_name == _OUTBOX_TABLE:
        return _concurrent_change()
    return AlreadyExists(
        f"one with the same value exists already ({cause.constraint_name})",
        hint="read the existing one, or choose another value",
    )


def _concurrent_change() -> ConcurrentChange:
    return ConcurrentChange(
        "somebody else changed it at the same moment", hint="read it again and repeat your change"
    )


def _unavailable() -> DatabaseUnavailable:
    return DatabaseUnavailable(
        "the database does not answer now", hint="try again in a few seconds"
    )
