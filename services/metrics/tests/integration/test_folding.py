"""Batches fold in transactions: exactly once, in any order, by any worker, and rebuilt the same."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import asyncpg
import pytest
from kpi_histories import History, shuffled
from memory_shelf import MemoryShelf, folded

from events import Event, Received
from metrics.consuming import company_of
from metrics.engine.company import Company
from metrics.kpis import CATALOGUE
from metrics.store import pending
from metrics.store.generation import GenerationChanged
from metrics.store.pages import cells_in


def expected(shelf: MemoryShelf, name: str) -> list[tuple[Any, ...]]:
    if name == "cells":
        return sorted((*key, *vector) for key, vector in shelf.cells.items())
    return sorted((*key, second, *vector) for (second, *key), vector in shelf.ledger.items())


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_any_order_gives_the_rows_that_the_engine_gives_in_memory(
    service: Any, seed: int
) -> None:
    events = History(seed, facts=60).events
    for batch in shuffled(events, seed):
        await service.feed(batch)
    shelf = folded([events], company_of(service.settings))
    assert await service.cells() == expected(shelf, "cells")
    assert await service.ledger() == expected(shelf, "ledger")
    bodies = await service.pool.fetch("SELECT body FROM cells")
    assert all(any(vector) for (body,) in bodies for _, _, *vector in cells_in(body))


async def test_workers_share_the_work_without_sharing_cells(service: Any) -> None:
    events = History(5, facts=80).events
    batches = shuffled(events, 5)
    for place, batch in enumerate(batches):
        await service.feed(batch, shard=place % 3)
    shelf = folded([events], company_of(service.settings))
    assert await service.cells() == expected(shelf, "cells")
    assert await service.pool.fetchval("SELECT count(DISTINCT shard) FROM cells") == 3


async def test_a_batch_that_is_rolled_back_leaves_nothing(service: Any) -> None:
    events = History(6, facts=30).events
    await service.feed(events[:20])
    before = await service.cells(), await service.ledger()
    async with service.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        rest = [Received(event, event.source, 0, 0) for event in events[20:]]
        await service.folder()(connection, rest)
        await transaction.rollback()
    assert (await service.cells(), await service.ledger()) == before
    await service.feed(events[20:])
    shelf = folded([events], company_of(service.settings))
    assert await service.ledger() == expected(shelf, "ledger")


async def test_two_workers_that_meet_in_one_fact_do_not_lose_either_change(service: Any) -> None:
    events = History(7, facts=40).events
    own = [event for event in events if event.source.startswith("/tandem/")]
    partners = [event for event in events if not event.source.startswith("/tandem/")]
    await asyncio.gather(
        *(retried(service, batch, shard) for shard, batch in enumerate((own, partners)))
    )
    shelf = folded([events], company_of(service.settings))
    assert await service.cells() == expected(shelf, "cells")


async def retried(service: Any, events: Sequence[Event], shard: int) -> None:
    """As the consumer does: an infrastructure error undoes the batch, and it comes again."""
    for start in range(0, len(events), 5):
        while True:
            try:
                await service.feed(events[start : start + 5], shard=shard)
            except asyncpg.SerializationError:
                await asyncio.sleep(0.001)
            else:
                break


async def test_each_batch_tells_which_kpis_changed_on_which_days(service: Any) -> None:
    events = [e for e in History(8, facts=40).events if "deal" in e.type]
    await service.feed(events[:10])
    await service.feed(events[10:])
    rows = await service.pool.fetch("SELECT * FROM outbox ORDER BY id")
    assert [row["aggregate_version"] for row in rows] == [1, 2]
    told = json.loads(rows[0]["payload"])
    assert told["writer"] == rows[0]["aggregateid"] == "metrics-0"
    changed = {item["kpi"]: item for item in told["changed"]}
    assert changed["pipeline_open"]["last_on"] == "9999-12-31"
    assert "operating_cost" not in changed


async def test_other_settings_rebuild_everything_from_the_journal(service: Any) -> None:
    events = History(9, facts=60).events
    for batch in shuffled(events, 9):
        await service.feed(batch)
    elsewhere = Company(time_zone="Asia/Shanghai", base_currency="CNY")
    assert await service.prepare(elsewhere) == 2
    shelf = folded([events], elsewhere)
    assert await service.cells() == expected(shelf, "cells")
    assert await service.ledger() == expected(shelf, "ledger")
    # Whoever still runs with the old settings must not write any more.
    with pytest.raises(GenerationChanged):
        await service.feed(events[:1])


async def test_the_same_settings_keep_the_generation(service: Any) -> None:
    assert await service.prepare() == 1


async def test_large_batches_and_a_long_rebuild_give_the_same_rows(service: Any) -> None:
    events = History(10, facts=700).events
    await service.feed(events)
    shelf = folded([events], company_of(service.settings))
    assert await service.cells() == expected(shelf, "cells")
    await service.pool.execute("UPDATE generations SET catalogue_version = 'an older one'")
    await service.prepare()
    assert await service.cells() == expected(shelf, "cells")
    assert await service.ledger() == expected(shelf, "ledger")


async def test_workers_never_wait_for_each_others_rows(service: Any) -> None:
    # Facts of one stream each: workers that change the same fact have to wait for each other.
    alone = History(13, facts=120, of=("cost", "project", "target", "ticket", "time"))
    events = [e for e in alone.events if e.source.startswith("/tandem/")]
    streams = sorted({(event.source, event.subject) for event in events})
    ours = [e for e in events if streams.index((e.source, e.subject)) % 2 == 0]
    theirs = [e for e in events if streams.index((e.source, e.subject)) % 2 == 1]
    await service.feed(ours[:10])
    company = company_of(service.settings)
    async with service.pool.acquire() as slow, slow.transaction():
        # One worker folds and merges, and does not commit yet.
        await service.folder(0)(slow, [Received(e, e.source, 0, 0) for e in ours[10:]])
        await pending.merge(slow, 1, catalogue=CATALOGUE, shard=0)
        async with service.pool.acquire() as quick, quick.transaction():
            await quick.execute("SET LOCAL lock_timeout = '1ms'")
            await service.folder(1)(quick, [Received(e, e.source, 0, 0) for e in theirs])
            await pending.merge(quick, 1, catalogue=CATALOGUE, shard=1)
    shelf = folded([events], company)
    assert await service.cells() == expected(shelf, "cells")
    assert await service.ledger() == expected(shelf, "ledger")
