"""Settings of sessions of PostgreSQL whose other end may vanish without a word."""

from __future__ import annotations

from typing import Final

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
