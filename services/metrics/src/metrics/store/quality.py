"""What is wrong or late in what we hold: problems of facts, events held back, late changes."""

from __future__ import annotations

from typing import Final

import msgspec

from events import Connection

_PROBLEMS: Final = """
SELECT kind, problem, count(*) FROM facts, unnest(problems) AS problem
WHERE generation = $1 AND problems <> '{}' GROUP BY kind, problem ORDER BY count(*) DESC, 1, 2"""

_HELD_BACK: Final = """
SELECT topic, reason, count(*), count(DISTINCT (source, subject))
FROM consumer_parked WHERE consumer = $1 GROUP BY topic, reason ORDER BY topic, reason"""

_STOPPED: Final = """
SELECT topic, partition, stopped FROM consumer_positions
WHERE consumer = $1 AND stopped IS NOT NULL ORDER BY topic, partition"""

_CHANGED_AFTER: Final = """
WITH changed AS (
    SELECT kinds, deltas FROM ledger
    WHERE generation = $1 AND last_second > $2 AND first_on < $3
    UNION ALL
    SELECT kinds, deltas FROM pending
    WHERE generation = $1 AND last_second > $2 AND first_on < $3
)
SELECT (SELECT coalesce(sum(deltas), 0) FROM changed),
       ARRAY(SELECT DISTINCT unnest(kinds) FROM changed)"""


class Problem(msgspec.Struct, frozen=True):
    """How many facts of a kind have one thing wrong with them."""

    kind: str
    problem: str
    facts: int


class HeldBack(msgspec.Struct, frozen=True):
    """Events that wait: `gap` for an earlier one to come, `held` for one that is parked."""

    topic: str
    reason: str
    events: int
    subjects: int


class Standstill(msgspec.Struct, frozen=True):
    """A partition of which nothing is read until somebody has mended the cause."""

    topic: str
    partition: int
    reason: str


async def problems(connection: Connection, generation: int) -> list[Problem]:
    """What is wrong with facts, the most frequent first."""
    return [Problem(*row) for row in await connection.fetch(_PROBLEMS, generation)]


async def held_back(connection: Connection, consumer: str) -> list[HeldBack]:
    """Events that a consumer could not apply yet."""
    return [HeldBack(*row) for row in await connection.fetch(_HELD_BACK, consumer)]


async def standstills(connection: Connection, consumer: str) -> list[Standstill]:
    """Partitions at which a consumer stands."""
    return [Standstill(*row) for row in await connection.fetch(_STOPPED, consumer)]


class LateChanges(msgspec.Struct, frozen=True):
    """What may have become known of the days before one after a second.

    Too much rather than too little: the ledger tells of blocks, not of single changes.
    """

    deltas: int
    kinds: frozenset[str]
    """Names of kinds of moments."""


async def changes_after(
    connection: Connection, generation: int, second: int, *, before_day: int
) -> LateChanges:
    """How much a reader as of that second has to take back, and of which kinds."""
    row = await connection.fetchrow(_CHANGED_AFTER, generation, second, before_day)
    assert row is not None
    return LateChanges(int(row[0]), frozenset(row[1]))
