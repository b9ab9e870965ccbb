"""What the promise of an event adds to a business transaction.

The transaction is that of a service: through SQLAlchemy on asyncpg, a row is read for
update, changed, and its history extended; then, or not, `append` promises one event.
Blocks with and without alternate, so that both see the same machine.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from statistics import median
from typing import Final
from uuid import uuid4

import sqlalchemy as sa
import uvloop
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from bench.outbox_rows import new_outbox
from bench.processor_time import tree_seconds
from bench.report import Figure, Goal, fdatasync_microseconds
from bench.servers import Servers, servers
from bench.views import deals
from events import Event, append
from events.types.pipeline import DealState, DealWon

OVERHEAD: Final = Goal(10, 3, at_most=True)
_BLOCKS: Final = 10
_TRANSACTIONS: Final = 250
_TABLES: Final = (
    "CREATE TABLE thing (id text PRIMARY KEY, version bigint NOT NULL, document json NOT NULL)",
    "CREATE TABLE thing_history (LIKE thing, PRIMARY KEY (id, version))",
)
_DOCUMENT: Final = '{"stage": "won", "amount_minor": 125000, "currency": "USD", "owner": "o17"}'


def measure(scale: float) -> Iterator[Figure]:
    with servers() as here:
        without, with_it = uvloop.run(_measure(here, max(20, int(_TRANSACTIONS * scale))))
    costs = [(b[0] / a[0] - 1) * 100 for a, b in zip(without, with_it, strict=True)]
    for name, blocks in (("without an event", without), ("with an event in the outbox", with_it)):
        wall, cpu = (median(block[n] for block in blocks) * 1e6 for n in (0, 1))
        yield Figure(
            f"a business transaction {name}",
            f"{wall:.0f} µs",
            f"client and database {cpu:.0f} µs of CPU; one session, one after the other",
        )
    cost = median(costs)
    yield Figure(
        "cost of the outbox row",
        f"{cost:.1f} %",
        f"of the wall clock, median of {_BLOCKS} pairs of blocks, from {min(costs):.1f} to "
        f"{max(costs):.1f} %; fdatasync {fdatasync_microseconds():.0f} µs",
        cost,
        OVERHEAD,
    )


Block = tuple[float, float]
"""Wall and processor seconds of one transaction."""


async def _measure(here: Servers, transactions: int) -> tuple[list[Block], list[Block]]:
    url = await asyncio.to_thread(new_outbox, here)
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"))
    drawn = list(deals(transactions))
    async with engine.begin() as connection:
        for statement in _TABLES:
            await connection.execute(sa.text(statement))
        await connection.execute(
            sa.text("INSERT INTO thing VALUES (:id, 0, :document)"),
            [{"id": deal.deal_id, "document": _DOCUMENT} for deal in drawn],
        )
    await _block(here, engine, drawn, promise=True)  # plans and caches
    without, with_it = [], []
    for _ in range(_BLOCKS):
        without.append(await _block(here, engine, drawn, promise=False))
        with_it.append(await _block(here, engine, drawn, promise=True))
    await engine.dispose()
    return without, with_it


async def _block(
    here: Servers, engine: AsyncEngine, drawn: list[DealState], *, promise: bool
) -> Block:
    begun = (time.monotonic(), time.process_time() + tree_seconds(here.postgres_pid))
    for deal in drawn:
        async with AsyncSession(engine) as session:
            await _transact(session, deal, promise=promise)
    ended = (time.monotonic(), time.process_time() + tree_seconds(here.postgres_pid))
    async with engine.begin() as connection:  # as the relay would
        await connection.execute(sa.text("DELETE FROM outbox"))
    return (ended[0] - begun[0]) / len(drawn), (ended[1] - begun[1]) / len(drawn)


async def _transact(session: AsyncSession, deal: DealState, *, promise: bool) -> None:
    found = await session.execute(
        sa.text("SELECT version, document FROM thing WHERE id = :id FOR UPDATE"),
        {"id": deal.deal_id},
    )
    changed = {"id": deal.deal_id, "version": found.one()[0] + 1, "document": _DOCUMENT}
    await session.execute(
        sa.text("UPDATE thing SET version = :version, document = :document WHERE id = :id"), changed
    )
    await session.execute(
        sa.text("INSERT INTO thing_history VALUES (:id, :version, :document)"), changed
    )
    if promise:
        now = datetime.now(UTC)
        won = Event.of(
            DealWon(deal=deal),
            id=str(uuid4()),
            source="/tandem/pipeline",
            sequence=changed["version"],
            occurred_at=now,
            recorded_at=now,
        )
        await append(session, [won])
    await session.commit()
