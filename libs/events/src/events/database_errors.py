"""What asyncpg raises when a connection or a server goes away, or refuses."""

from __future__ import annotations

from typing import Final

import asyncpg

DATABASE_ERRORS: Final = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    # When the server ends an idle session (a restart, pg_terminate_backend), asyncpg may read the
    # farewell between two statements; the next one then finds the protocol in a wrong state.
    asyncpg.InternalClientError,
)
"""Errors that a new connection, or waiting, may mend."""
