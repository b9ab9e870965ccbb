"""What a diagnosis costs over HTTP on a hundred thousand deals, and on a million.

Ten thousand deals are folded by the engine; the others are theirs again under other keys:
facts and ledger are copied, cells multiplied. So every figure is what that many deals make,
without the half hour that folding them would take.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, Final

import asyncpg
import httpx
from pydantic import SecretStr

from bench.closed_deals import add_up_months
from bench.processor_time import tree_seconds
from bench.report import Figure, Goal
from bench.servers import database_server, migrate_in_own_process
from bench.verdict_company import history
from chassis.app import build_app
from chassis.clock import SystemClock
from chassis.process import quiet_collector
from chassis.settings import DEVELOPMENT_ISSUER
from events import Received
from local.identity import Issuer
from metrics.app import ROUTERS
from metrics.consuming import company_of
from metrics.engine.cell import Page
from metrics.handler import Folder
from metrics.merging import merge
from metrics.rebuild import prepare
from metrics.settings import Settings
from metrics.store.pages import cells_in, packed_sum

FOLDED: Final = 10_000
TIMES: Final = (10, 100)
"""So many times the deals that are folded."""
Params = Mapping[str, str | Sequence[str]]
ASKED: Final[Mapping[str, Params]] = {
    "of the whole company": {},
    "limited to a region": {"scope": "region:R00"},
    "limited to a team": {"scope": "team:T00"},
    "limited to a small product, hence over twelve months": {"scope": "product:rare"},
    "limited to a product in a region": {"scope": ["region:R00", "product:P00"]},
}
PERIOD: Final = "2026-Q3"
RUNS: Final = 5
UNDER_A_SECOND: Final = Goal(1.0, 0.5, at_most=True)
_BATCH: Final = 2_000
_UNTIL: Final = datetime(2026, 11, 20, tzinfo=UTC)


def measure(scale: float) -> Iterator[Figure]:
    """Wall clock of one request at a time; processor time of service and database beside it."""
    with database_server() as here:
        database = here.new_database()
        migrate_in_own_process("metrics", database)
        told = asyncio.Runner()
        with told:
            measuring = _measure(database, server=here.postgres_pid, deals=int(FOLDED * scale))
            while (figure := told.run(_next(measuring))) is not None:
                yield figure


async def _next(figures: AsyncIterator[Figure]) -> Figure | None:
    return await anext(figures, None)


async def _measure(database: str, *, server: int, deals: int) -> AsyncIterator[Figure]:
    async with _service(database) as asking, asyncpg.create_pool(database, min_size=0) as pool:
        await _fold(pool, asking.settings, deals)
        quiet_collector()  # as the service does
        there = 1
        for times in TIMES:
            await _repeat(pool, times // there, there=there)
            there = times
            for what, params in ASKED.items():
                cost = await asking.cost(params, server=server)
                yield Figure(
                    f"diagnosis {what}, {deals * times:,} deals",
                    f"{cost.seconds:.2f} s",
                    f"{cost.verdict}; CPU s: service {cost.service:.2f}, database"
                    f" {cost.database:.2f}; memory of the service +{cost.memory_mib:.0f} MiB",
                    number=cost.seconds,
                    goal=UNDER_A_SECOND,
                )


@dataclass(frozen=True)
class _Cost:
    """Of one request: the median, but for memory, which is the peak of all."""

    verdict: str
    seconds: float
    service: float
    database: float
    memory_mib: float


@dataclass(frozen=True)
class _Service:
    client: httpx.AsyncClient
    settings: Settings

    async def cost(self, params: Params, *, server: int) -> _Cost:
        walls, ours, theirs = [], [], []
        before = _resident_peak(anew=True)
        for _ in range(RUNS):
            at, own, other = time.perf_counter(), time.process_time(), tree_seconds(server)
            answer = await self.client.get("/v1/diagnosis", params={"period": PERIOD, **params})
            walls.append(time.perf_counter() - at)
            ours.append(time.process_time() - own)
            theirs.append(tree_seconds(server) - other)
            answer.raise_for_status()
            if walls[0] > 10:
                break
        told = answer.json()
        return _Cost(
            verdict=f"{told['verdict']}, {told['grain']}",
            seconds=median(walls),
            service=median(ours),
            database=median(theirs),
            memory_mib=_resident_peak() - before,
        )


@asynccontextmanager
async def _service(database: str) -> AsyncIterator[_Service]:
    """The metrics service's API in this process, its figures prepared."""
    with tempfile.TemporaryDirectory(prefix="tandem-bench-") as folder:
        issuer = Issuer.open(Path(folder))
        settings = Settings(
            database_url=database,
            event_log=database,
            environment="development",
            auth_issuer=DEVELOPMENT_ISSUER,
            auth_jwks=issuer.jwks_url,
            cursor_secret=SecretStr("a secret of sixteen or more"),
            company_time_zone="Asia/Shanghai",
            base_currency="CNY",
        )
        app = build_app(settings, title="metrics", routers=ROUTERS)
        async with app.router.lifespan_context(app):
            await prepare(app.state.resources.database.pool, company=company_of(settings))
            token = issuer.token(roles=["boss"], teams=[], subject="bench")
            async with httpx.AsyncClient(
                transport=httpx.ASGITransport(app),
                base_url="http://metrics.bench",
                headers={"Authorization": f"Bearer {token}"},
                timeout=600,
            ) as client:
                yield _Service(client, settings)


async def _fold(pool: asyncpg.Pool[Any], settings: Settings, deals: int) -> None:
    company = company_of(settings)
    folder = Folder(company=company, shard=0, clock=SystemClock(), watermark=lambda: None)
    events = history(deals)
    for start in range(0, len(events), _BATCH):
        batch: Sequence[Received] = [
            Received(event, event.source, 0, 0) for event in events[start : start + _BATCH]
        ]
        async with pool.acquire() as connection, connection.transaction():
            await folder(connection, batch)
        while await merge(pool, company=company, shard=0):
            pass
    await pool.execute(
        "INSERT INTO consumer_positions"
        " (consumer, topic, partition, next_offset, epoch, owner, watermark)"
        " VALUES ('metrics', 'pipeline', 0, 1, 1, 'bench', $1)",
        _UNTIL,
    )


async def _repeat(pool: asyncpg.Pool[Any], times: int, *, there: int) -> None:
    """Let everything have happened so many times, to others."""
    cells = await pool.fetch("SELECT cube, dimension, day, shard, body FROM cells")
    await pool.executemany(
        "UPDATE cells SET body = $5 WHERE (cube, dimension, day, shard) = ($1, $2, $3, $4)",
        [(*key, _times(body, times)) for *key, body in cells],
    )
    await pool.execute("UPDATE cells_by_month SET body = NULL")
    async with pool.acquire() as connection:
        generation = await connection.fetchval("SELECT generation FROM live_generation")
        await add_up_months(connection, generation, before=_UNTIL.date())
    others = "generate_series(2, $1::int) AS n"
    await pool.execute(
        "INSERT INTO facts"
        " (generation, kind, key, version, first_on, last_on, problems, marks, body)"
        " SELECT generation, kind, key || '/' || n || '/' || $2, version, first_on, last_on,"
        f" problems, marks, body FROM facts, {others} WHERE kind IN ('deal', 'buyer')",
        times,
        str(there),
    )
    await pool.execute(
        "INSERT INTO ledger (generation, deltas, kinds, first_on, last_on, first_second,"
        " last_second, body) SELECT generation, deltas, kinds, first_on, last_on, first_second,"
        f" last_second, body FROM ledger, {others}",
        times,
    )
    for table in ("cells", "cells_by_month", "facts", "ledger"):
        await pool.execute(f"VACUUM ANALYZE {table}")


def _times(body: bytes, times: int) -> bytes | None:
    """A page of cells, so many times."""
    members, bins, *columns = zip(*cells_in(body), strict=True)
    page = Page(members, bins, [[amount * times for amount in column] for column in columns])
    return packed_sum(page, None)


def _resident_peak(*, anew: bool = False) -> float:
    """MiB that this process had in memory at most; from now on, or since it was last asked so."""
    if anew:
        Path(f"/proc/{os.getpid()}/clear_refs").write_text("5", encoding="ascii")
    status = Path("/proc/self/status").read_text(encoding="ascii")
    [line] = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1_024
