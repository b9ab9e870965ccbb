"""Generations: figures made side by side from one journal, each under terms of its own.

Invariant: exactly one generation is live. Whoever writes passes the gate and holds the
pointer's row, so that a switch and a batch never overlap; and since the ids of journal
blocks are drawn behind the gate, whoever has shut it knows that no block up to the last
id drawn is still to be committed.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from events import Connection

_GATE: Final = 7_236_118_405
"""Advisory lock: shared by all who write to the live generation. A lock on the pointer's row
alone would let a stream of batches pass for ever by somebody who waits to switch it.
"""
_GATE_TIMEOUT: Final = "10s"
"""Whoever waits to shut the gate makes batches wait: better to give up and try again."""
NO_DEFINITIONS: Final = "[]"

Status = Literal["building", "ready", "live", "retired", "failed", "dropped"]


class Terms(msgspec.Struct, frozen=True):
    """What figures depend on besides the events. `definitions` is a JSON list, as text."""

    time_zone: str
    base_currency: str
    catalogue_version: str
    definitions: str = NO_DEFINITIONS

    @property
    def definition_count(self) -> int:
        return len(msgspec.json.decode(self.definitions, type=list[msgspec.Raw]))


class GenerationChanged(Exception):
    """Figures made under other terms went live: this process must start again."""

    def __init__(self, generation: int | None) -> None:
        super().__init__(
            f"the figures in force are generation {generation}, made under other settings or"
            " definitions than this process has"
        )


class Generation(msgspec.Struct, frozen=True):
    """A set of facts, cells and ledger, and how far it has come."""

    id: int
    terms: Terms
    status: Status
    to_go_live: bool
    """Whether it goes live as soon as it has caught up."""
    horizon: int
    committed: int
    events_done: int
    blocks_done: int
    blocks_left: int
    """Blocks of the journal between `horizon` and `committed`."""
    busy_seconds: float
    asked_at: datetime
    asked_by: str
    live_at: datetime | None
    retired_at: datetime | None
    failure: str | None

    @property
    def share_done(self) -> float:
        """The part of the known journal that is folded, 0 to 1."""
        whole = self.blocks_done + self.blocks_left
        if not self.blocks_left:
            return 1.0 if self.horizon else 0.0
        return self.blocks_done / whole

    @property
    def events_a_second(self) -> float | None:
        return self.events_done / self.busy_seconds if self.busy_seconds else None

    @property
    def seconds_left(self) -> float | None:
        """None before the first step."""
        if not self.blocks_done or not self.busy_seconds:
            return None
        return self.busy_seconds / self.blocks_done * self.blocks_left


_TERMS: Final = "g.time_zone, g.base_currency, g.catalogue_version, g.definitions"
_PROGRESS: Final = """g.status, g.to_go_live, g.horizon, g.committed, g.events_done, g.blocks_done,
    g.blocks_left, g.busy_seconds, g.asked_at, g.asked_by, g.live_at, g.retired_at, g.failure"""
_GENERATIONS: Final = f"SELECT g.id, {_TERMS}, {_PROGRESS} FROM generations g"  # noqa: S608


async def live_generation(connection: Connection) -> Generation | None:
    """The generation that readers see; None before the first start."""
    row = await connection.fetchrow(f"{_GENERATIONS} JOIN live_generation l ON l.generation = g.id")
    return None if row is None else _generation(row)


async def all_generations(connection: Connection) -> list[Generation]:
    """Every generation that is kept, the oldest first."""
    return [_generation(row) for row in await connection.fetch(f"{_GENERATIONS} ORDER BY g.id")]


async def read_generation(connection: Connection, generation: int) -> Generation | None:
    row = await connection.fetchrow(f"{_GENERATIONS} WHERE g.id = $1", generation)
    return None if row is None else _generation(row)


def _generation(row: Any) -> Generation:
    return Generation(row[0], Terms(*row[1:5]), *row[5:])


_HOLD: Final = f"""
SELECT g.id, {_TERMS},
       (SELECT coalesce(sum(deltas), 0) FROM pending WHERE generation = g.id AND shard = $1),
       -- Names the row that was locked, so that ids are drawn behind the gate whatever the plan.
       ARRAY(SELECT nextval('journal_block_ids')
             FROM generate_series(1, CASE WHEN held.generation > 0 THEN $2::integer END)),
       -- A plan made while the tables were empty would scan them for every later batch.
       set_config('plan_cache_mode', 'force_custom_plan', true)
FROM (SELECT pg_advisory_xact_lock_shared({_GATE})::text AS passed) AS gate
-- The row as it is behind the gate, not as it was when the statement began: a lock looks again.
CROSS JOIN LATERAL (
    SELECT generation FROM live_generation WHERE gate.passed IS NOT NULL FOR SHARE
) AS held
JOIN generations g ON g.id = held.generation"""  # noqa: S608


class Held(msgspec.Struct, frozen=True):
    """What a batch is begun with: the live generation, and ids for its part of the journal."""

    generation: int
    terms: Terms
    pending: int
    """Deltas that the shard's earlier batches left to be merged."""
    blocks: list[int]


async def hold_generation(connection: Connection, *, shard: int = 0, blocks: int = 0) -> Held:
    """The live generation, kept from being switched until the transaction ends.

    Raises GenerationChanged when there is none yet.
    """
    row = await connection.fetchrow(_HOLD, shard, blocks)
    if row is None:
        raise GenerationChanged(None)
    return Held(row[0], Terms(*row[1:5]), row[5], row[6])


async def shut_gate(connection: Connection) -> int:
    """Wait for the batches under way and hold back others until the transaction ends.

    Returns the last block of the journal: all up to it are committed, or never will be.
    Raises LockNotAvailableError when a batch takes too long.
    """
    await connection.execute(f"SET LOCAL lock_timeout = '{_GATE_TIMEOUT}'")
    await connection.execute(f"SELECT pg_advisory_xact_lock({_GATE})")
    last = await connection.fetchval(
        "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM journal_block_ids"
    )
    return int(last)


async def add_generation(
    connection: Connection, terms: Terms, *, status: Status, to_go_live: bool, asked_by: str
) -> int:
    """A new generation with nothing in it."""
    return int(
        await connection.fetchval(
            "INSERT INTO generations (id, time_zone, base_currency, catalogue_version, definitions,"
            " status, to_go_live, asked_by, asked_at)"
            " SELECT coalesce(max(id), 0) + 1, $1, $2, $3, $4, $5, $6, $7, now() FROM generations"
            " RETURNING id",
            *msgspec.structs.astuple(terms),
            status,
            to_go_live,
            asked_by,
        )
    )


async def note_committed(
    connection: Connection, generation: int, *, committed: int, left: int
) -> None:
    """Note how far the journal can be folded, and how much that is."""
    await connection.execute(
        "UPDATE generations SET committed = $2, blocks_left = $3 WHERE id = $1",
        *(generation, committed, left),
    )


async def note_folded(
    connection: Connection,
    generation: int,
    *,
    horizon: int,
    events: int,
    blocks: int,
    seconds: float,
) -> None:
    """Note what was folded, in the transaction that did it."""
    await connection.execute(
        "UPDATE generations SET horizon = $2, events_done = events_done + $3,"
        " blocks_done = blocks_done + $4, blocks_left = greatest(0, blocks_left - $4),"
        " busy_seconds = busy_seconds + $5 WHERE id = $1",
        *(generation, horizon, events, blocks, seconds),
    )


async def set_status(
    connection: Connection, generation: int, status: Status, *, failure: str | None = None
) -> None:
    """Never of one that is live, also if it went live only while we waited for its row."""
    await connection.execute(
        "UPDATE generations SET status = $2, failure = $3 WHERE id = $1 AND status <> 'live'",
        *(generation, status, failure),
    )


async def let_go_live(connection: Connection, generation: int) -> None:
    """Have it go live as soon as it has caught up, and no other."""
    await connection.execute("UPDATE generations SET to_go_live = id = $1", generation)


async def switch_to(connection: Connection, generation: int, *, horizon: int) -> None:
    """Let readers and writers see another generation. Behind the shut gate only.

    The one before has all blocks up to `horizon`: from there it can be caught up.
    """
    await connection.execute(
        "UPDATE generations SET status = 'retired', retired_at = now(), horizon = $1,"
        " committed = $1, blocks_left = 0 WHERE status = 'live'",
        horizon,
    )
    await connection.execute(
        "UPDATE generations SET status = 'live', live_at = now(), to_go_live = false,"
        " blocks_left = 0 WHERE id = $1",
        generation,
    )
    await connection.execute(
        "INSERT INTO live_generation (generation) VALUES ($1)"
        " ON CONFLICT (one) DO UPDATE SET generation = excluded.generation",
        generation,
    )


async def drop_some(connection: Connection, generation: int, *, rows: int) -> bool:
    """Remove some of what a dropped generation keeps; False when nothing of it is left."""
    for table in ("facts", "cells", "cells_by_month", "ledger", "pending"):
        removed = await connection.execute(
            f"DELETE FROM {table} WHERE ctid = ANY(ARRAY("  # noqa: S608
            f"SELECT ctid FROM {table} WHERE generation = $1 LIMIT $2))",
            *(generation, rows),
        )
        if removed != "DELETE 0":
            return True
    await connection.execute("DELETE FROM generations WHERE id = $1", generation)
    return False
