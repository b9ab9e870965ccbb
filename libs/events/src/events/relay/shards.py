"""Which shards of an outbox this relay owns: a fair share of them, each with one owner.

Everything is a lock of a session of PostgreSQL: a shard's lock is exclusive, and a
relay's presence is a lock that all of them share. There is no table of members to
go stale; what a dead relay held is free as soon as its session has ended.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, Final

from events.outbox import SHARDS
from events.sessions import FOUND_OUT

if TYPE_CHECKING:
    import asyncpg

_SPACE: Final = 0x6F75_7462
"""First key of the advisory locks: "outb"."""
_PRESENCE: Final = -1
"""Second key of the lock that says "a relay is here"; those of shards begin at 0."""
_HOLD: Final = -2
"""Second key of the lock that says "keep away": a topic grows (`events.growing`)."""

SESSION: Final = {
    # A session that nobody uses is that of a relay that was stopped or hangs: PostgreSQL ends it,
    # and its shards are free. A healthy relay asks for something several times a second.
    "idle_session_timeout": "10s",
    "idle_in_transaction_session_timeout": "10s",
    # The same while the server is in the middle of sending rows, and for a machine that is gone.
    **FOUND_OUT,
    "statement_timeout": "30s",
    # A deletion that a crash of PostgreSQL undoes makes a copy on the log, which consumers drop.
    # Waiting for the disk would only slow the transactions that do matter.
    "synchronous_commit": "off",
    # An outbox that is mostly empty has no statistics, or wrong ones: the planner would read and
    # sort all that waits for each page of it. The index of the ids is always right.
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_sort": "off",
    "jit": "off",
    "application_name": "relay",
}
"""Settings of the session that holds the locks."""

_APPEAR: Final = "SELECT pg_advisory_lock_shared($1, $2)"
_AROUND: Final = """
SELECT count(*) FILTER (WHERE objid = $2::int::oid) AS members,
       count(*) FILTER (WHERE objid = $3::int::oid) AS holding
FROM pg_locks
WHERE locktype = 'advisory' AND granted AND classid = $1::int::oid
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
_WAIT_FOR: Final = "SELECT pg_advisory_lock($1, $2)"
_TAKE: Final = "SELECT pg_try_advisory_lock($1, $2)"
_GIVE_BACK: Final = "SELECT pg_advisory_unlock($1, $2)"


class Shards:
    """The shards that a session owns."""

    def __init__(self, connection: asyncpg.Connection[Any]) -> None:
        self._connection = connection
        self._present = False
        self.owned: list[int] = []
        self.is_held = False
        """Whether somebody keeps all relays away; topics may have grown when it is over."""

    async def share(self) -> None:
        """Take free shards up to the fair share, or give back what is above it.

        Call it only while no event of these shards is under way: who takes a shard
        over begins with what is in the table, and must not overtake us.
        """
        if not self._present:
            await self._connection.execute(_APPEAR, _SPACE, _PRESENCE)
            self._present = True
        around = await self._connection.fetchrow(_AROUND, _SPACE, _PRESENCE, _HOLD)
        assert around is not None
        self.is_held = around["holding"] > 0
        fair = 0 if self.is_held else -(-SHARDS // max(1, around["members"]))
        while len(self.owned) > fair:
            await self._connection.execute(_GIVE_BACK, _SPACE, self.owned[-1])
            self.owned.pop()
        if len(self.owned) < fair:
            await self._take(fair - len(self.owned))

    async def _take(self, wanted: int) -> None:
        free = [shard for shard in range(SHARDS) if shard not in self.owned]
        random.shuffle(free)  # relays that start together then try different ones
        for shard in free:
            if wanted and await self._connection.fetchval(_TAKE, _SPACE, shard):
                self.owned.append(shard)
                wanted -= 1


async def hold_all(connection: asyncpg.Connection[Any]) -> None:
    """Take all shards from all relays, waiting until they have nothing under way.

    They come back when the session of `connection` ends.
    """
    await connection.execute(_WAIT_FOR, _SPACE, _HOLD)
    for shard in range(SHARDS):
        await connection.execute(_WAIT_FOR, _SPACE, shard)
