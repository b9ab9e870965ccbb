"""PostgreSQL's errors as refusals: what is the caller's doing, what is the moment's."""

from collections.abc import Callable
from typing import Final

import asyncpg

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


OUTBOX_TABLE: Final = "outbox"


def refusal_of(error: BaseException) -> Refusal | None:
    """The refusal behind an error of the driver, None when it is a fault of ours."""
    for kinds, translate in _TABLE:
        if isinstance(error, kinds):
            return translate(error)
    return None


def _already_exists(cause: BaseException) -> Refusal:
    if getattr(cause, "table_name", None) == OUTBOX_TABLE:
        # Two units of work made the same next version of one aggregate.
        return concurrent_change(cause)
    return AlreadyExists(
        f"one with the same value exists already ({_constraint(cause)})",
        hint="read the existing one, or choose another value",
    )


def _reference_missing(cause: BaseException) -> Refusal:
    return ReferenceMissing(
        f"a reference does not hold ({_constraint(cause)})",
        hint="create what it refers to first; end what refers to it before removing it",
    )


def _constraint(cause: BaseException) -> str:
    return str(getattr(cause, "constraint_name", None) or "unnamed")


def concurrent_change(_cause: BaseException) -> Refusal:
    return ConcurrentChange(
        "somebody else changed it at the same moment", hint="read it again and repeat your change"
    )


def _not_storable(_cause: BaseException) -> Refusal:
    return ValueNotStorable(
        "a value cannot be stored", hint="remove NUL characters; keep numbers within 64 bits"
    )


def unavailable(_cause: BaseException) -> Refusal:
    return DatabaseUnavailable(
        "the database is busy or does not answer now", hint="try again in a few seconds"
    )


def _of_driver(cause: BaseException) -> Refusal | None:
    if isinstance(cause, ValueError):
        # The driver's own DataError: a value that it cannot even encode.
        return _not_storable(cause)
    # It says "connection is closed" or "was closed" with its all-purpose error.
    return unavailable(cause) if "clos" in str(cause) else None


_Kinds = tuple[type[BaseException], ...]
_TABLE: Final[tuple[tuple[_Kinds, Callable[[BaseException], Refusal | None]], ...]] = (
    ((asyncpg.UniqueViolationError, asyncpg.ExclusionViolationError), _already_exists),
    ((asyncpg.ForeignKeyViolationError,), _reference_missing),
    ((asyncpg.SerializationError, asyncpg.DeadlockDetectedError), concurrent_change),
    # Not every DataError: a division by zero, for one, is our fault.
    (
        (
            asyncpg.CharacterNotInRepertoireError,
            asyncpg.UntranslatableCharacterError,
            asyncpg.NumericValueOutOfRangeError,
            asyncpg.DatetimeFieldOverflowError,
            asyncpg.StringDataRightTruncationError,
            asyncpg.InvalidTextRepresentationError,
        ),
        _not_storable,
    ),
    (
        (
            *UNREACHABLE,
            TimeoutError,
            asyncpg.TooManyConnectionsError,
            asyncpg.LockNotAvailableError,
            asyncpg.QueryCanceledError,
            asyncpg.InsufficientResourcesError,
            # The server's farewell, read between two statements, confuses the driver's protocol.
            asyncpg.InternalClientError,
        ),
        unavailable,
    ),
    ((asyncpg.InterfaceError,), _of_driver),
)
