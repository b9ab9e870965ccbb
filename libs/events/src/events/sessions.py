"""Sessions of PostgreSQL: when their other end vanishes, and when they go back to a pool."""

from __future__ import annotations

from typing import Any, Final

FOUND_OUT: Final = {
    # A machine that is gone: what it was sent is not acknowledged, or it does not answer a probe.
    "tcp_user_timeout": "10s",
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
}
"""With these the server notices within some ten seconds, and what the session had locked is free.

A client has no such settings, and a route can swallow what it acknowledged: give each connection
a `command_timeout` as well, and each `pool.acquire` a `timeout`, which also bounds the release.
"""


async def leave_as_it_is(_connection: Any) -> None:
    """As `reset` of a pool, spares a round trip at each release.

    What asyncpg would send closes cursors, sets parameters back and gives up advisory locks. We
    hold all of these for a transaction only, and asyncpg still rolls back one that was left open.
    Who sets something for a session takes a connection of its own, or terminates this one.
    """
