"""Tell the relay that something waits, so that it need not ask all the time.

A NOTIFY inside the business transaction would make all commits of the server wait for
one lock. So it is a statement of its own, sent after the commit, and never more than
one at a time. It may be lost: the relay asks by itself as well, only less often.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

from events.database_errors import DATABASE_ERRORS

if TYPE_CHECKING:
    import asyncpg

CHANNEL: Final = "outbox"
RING: Final = "SET LOCAL synchronous_commit = off; NOTIFY outbox"
"""Rings, from any session of the outbox's database, without waiting for the disk: a ring that a
crash takes back is a ring that got lost.
"""

_PAUSE_SECONDS: Final = 0.01
"""As long as the relay lets rows come together: more rings would not make it look sooner."""


class Doorbell:
    """Rings after commits, at once and then once for all that came in the meantime."""

    def __init__(self, connect: Callable[[], Awaitable[asyncpg.Connection[Any]]]) -> None:
        """`connect` opens a connection of its own: a pool asks twice as often as it is asked."""
        self._connect = connect
        self._connection: asyncpg.Connection[Any] | None = None
        self._ringing: asyncio.Task[None] | None = None
        self._again = False

    def ring(self) -> None:
        """Call after the commit (a moment earlier does no harm). Returns at once, never raises."""
        if self._ringing is not None:
            self._again = True
        else:
            self._ringing = asyncio.create_task(self._ring(), name="doorbell")

    async def _ring(self) -> None:
        try:
            while True:
                self._again = False
                if self._connection is None or self._connection.is_closed():
                    self._connection = await self._connect()
                await self._connection.execute(RING)
                await asyncio.sleep(_PAUSE_SECONDS)
                if not self._again:
                    return
        except DATABASE_ERRORS:
            return  # the relay looks by itself; whoever needs the database will tell of its absence
        finally:
            self._ringing = None

    async def quiet(self) -> None:
        """Return when nothing is being sent."""
        if self._ringing is not None:
            await asyncio.wait({self._ringing})

    async def close(self) -> None:
        """Stop ringing; nothing of it is left running."""
        if self._ringing is not None:
            self._ringing.cancel()
            await self.quiet()
        if self._connection is not None:
            self._connection.terminate()
