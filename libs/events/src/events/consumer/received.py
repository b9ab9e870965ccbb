"""What a handler gets, and how it refuses it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias

import asyncpg
import msgspec
from asyncpg.pool import PoolConnectionProxy

from events.errors import DataError
from events.event import Event, EventLike

Connection: TypeAlias = "asyncpg.Connection[Any] | PoolConnectionProxy[Any]"


class Received(msgspec.Struct, frozen=True, gc=False):
    """An event and where on the log it stands."""

    event: Event
    topic: str
    partition: int
    offset: int


class Unprocessable(DataError):
    """Raised by a handler or a fold: this event can never be applied as it is; park it.

    Do not raise it for what may pass by itself (a lost connection, a timeout):
    such errors are let through and the batch is retried.
    """

    def __init__(self, about: Received | EventLike, reason: str, hint: str = "") -> None:
        super().__init__(reason, hint=hint)
        self.about = about


Handler: TypeAlias = Callable[[Connection, Sequence[Received]], Awaitable[None]]
"""Applies fresh events in the transaction that also moves the positions.

Gets no duplicates, no unknown types, and per (source, subject) every sequence
once and in order. It writes through the connection that it is given and never
commits. To refuse one event it raises `Unprocessable(received, reason, hint)`:
its writes are undone, that event is parked, and it is called again with the
rest, so it must keep nothing in memory of its own before it returns.
"""
