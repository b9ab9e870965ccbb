"""The log in PostgreSQL, for a company that runs everything on one machine.

A database of its own. Offsets of a partition are given out under a row lock
that is held until commit, so a reader never sees a later record before an
earlier one, and offsets have no holes.
"""

from __future__ import annotations

from events.log.postgres.log import PostgresLog

__all__ = ["PostgresLog"]
