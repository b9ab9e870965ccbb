"""Generations: under which settings and definitions the cells in force were made.

Invariant: exactly one generation is live. Whoever writes holds the pointer's row,
so that a switch and a batch never overlap.
"""

from __future__ import annotations

import msgspec

from events import Connection
from metrics.engine.catalogue import Catalogue
from metrics.engine.company import Company
from metrics.facts import FOLD_VERSION


class Terms(msgspec.Struct, frozen=True):
    """What cells depend on besides the events."""

    time_zone: str
    base_currency: str
    catalogue_version: str

    @classmethod
    def of(cls, company: Company, catalogue: Catalogue) -> Terms:
        version = f"{catalogue.version}.{FOLD_VERSION}"
        return cls(company.time_zone, company.base_currency, version)


class GenerationChanged(Exception):
    """Another process switched to cells made under other terms: this one must start again."""


_LIVE = """
SELECT g.id, g.time_zone, g.base_currency, g.catalogue_version
FROM live_generation l JOIN generations g ON g.id = l.generation"""


async def live_generation(connection: Connection) -> tuple[int, Terms] | None:
    """The generation that readers see; None before the first start."""
    row = await connection.fetchrow(_LIVE)
    return None if row is None else (row[0], Terms(*row[1:]))


_HOLD = f"""
SELECT held.*, (SELECT coalesce(sum(deltas), 0) FROM pending WHERE shard = $1),
       ARRAY(SELECT nextval('journal_block_ids') FROM generate_series(1, $2)),
       -- A plan made while the tables were empty would scan them for every later batch.
       set_config('plan_cache_mode', 'force_custom_plan', true)
FROM ({_LIVE} FOR SHARE OF l) AS held"""  # noqa: S608


class Held(msgspec.Struct, frozen=True):
    """What a batch is begun with: the generation, and ids for its part of the journal."""

    generation: int
    pending: int
    """Deltas that the shard's earlier batches left to be merged."""
    blocks: list[int]


async def hold_generation(
    connection: Connection, terms: Terms, *, shard: int = 0, blocks: int = 0
) -> Held:
    """The live generation, kept from being switched until the transaction ends.

    Raises GenerationChanged when it was made under other terms.
    """
    row = await connection.fetchrow(_HOLD, shard, blocks)
    if row is None or Terms(*row[1:4]) != terms:
        raise GenerationChanged("the cells in force were made under other settings or definitions")
    return Held(row[0], row[4], row[5])


async def add_generation(connection: Connection, terms: Terms) -> int:
    """A new generation, not live yet."""
    return int(
        await connection.fetchval(
            "INSERT INTO generations (id, time_zone, base_currency, catalogue_version, built_at)"
            " SELECT coalesce(max(id), 0) + 1, $1, $2, $3, now() FROM generations RETURNING id",
            *msgspec.structs.astuple(terms),
        )
    )


async def switch_to(connection: Connection, generation: int) -> None:
    """Let readers and writers see another generation."""
    await connection.execute(
        "INSERT INTO live_generation (generation) VALUES ($1)"
        " ON CONFLICT (one) DO UPDATE SET generation = excluded.generation",
        generation,
    )


async def drop_others(connection: Connection, generation: int) -> None:
    """Remove the cells and facts of generations that are no longer live."""
    for table in ("facts", "cells", "ledger", "pending"):
        await connection.execute(f"DELETE FROM {table} WHERE generation <> $1", generation)  # noqa: S608
    await connection.execute("DELETE FROM generations WHERE id <> $1", generation)
