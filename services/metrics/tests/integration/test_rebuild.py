"""Figures are made anew beside those in force, whatever is killed, and nothing is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import count
from typing import Any
from zlib import crc32

import asyncpg
import pytest
from kpi_histories import History
from memory_shelf import folded
from metrics_service import NOW

from chassis.clock import SetClock
from events import Event, Received
from events.database_errors import DATABASE_ERRORS
from metrics.catalogues import terms_of
from metrics.consuming import company_of
from metrics.engine.company import Company
from metrics.rebuild import Pace, ask_to_switch, building, move_on, prepare, start_build
from metrics.store.generation import (
    Generation,
    all_generations,
    live_generation,
    note_folded,
)

SLOWLY = Pace(events_per_step=25, blocks_per_read=5, last_blocks=5)
PATIENCE_SECONDS = 60


async def test_a_rebuild_killed_three_times_under_load_ends_with_the_figures_of_a_fresh_fold(
    service: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = History(41, facts=110).events
    half = len(events) // 2
    await feed_all(service, events[:half])
    await ask(service, company_of(service.settings))
    kills = killed_in_steps(monkeypatch, 2, 4, 6)
    async with load(service, events[half:]):
        while (await live(service)).id == 1:
            await work_until_killed(service)
    assert len(kills) == 3
    shelf = folded([events], company_of(service.settings))
    assert await service.cells() == sorted((*k, *v) for k, v in shelf.cells.items())
    assert await service.ledger() == ledger_of(shelf)


def killed_in_steps(monkeypatch: pytest.MonkeyPatch, *numbers: int) -> list[int]:
    """Lose the connection in some steps, when all is written and nothing committed; says which."""
    done: list[int] = []
    steps = count(1)

    async def note_or_die(connection: Any, *given: Any, **named: Any) -> None:
        step = next(steps)
        if step in numbers:
            done.append(step)
            await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        await note_folded(connection, *given, **named)

    monkeypatch.setattr(building, "note_folded", note_or_die)
    return done


async def work_until_killed(service: Any) -> None:
    """As a process does: with a connection of its own, until all is done or it is gone."""
    connection = await asyncpg.connect(service.settings.database_url)
    try:
        while await move(service, connection):
            pass
    except DATABASE_ERRORS:
        assert connection.is_closed()
    finally:
        await connection.close()


async def test_switching_there_and_back_under_load_loses_nothing(service: Any) -> None:
    events = History(42, facts=110).events
    third = len(events) // 3
    await feed_all(service, events[:third])
    async with load(service, events[third:]):
        await ask(service, company_of(service.settings))
        await kept(service)
        for generation in (1, 2, 1):
            await switch_back(service, generation)
            await kept(service)
            assert (await live(service)).id == generation
    shelf = folded([events], company_of(service.settings))
    assert await service.cells() == sorted((*k, *v) for k, v in shelf.cells.items())
    await switch_back(service, 2)
    await kept(service)
    assert await service.cells() == sorted((*k, *v) for k, v in shelf.cells.items())
    assert await service.ledger() == ledger_of(shelf)


async def test_a_batch_that_is_not_committed_yet_is_waited_for(service: Any) -> None:
    events = History(43, facts=60).events
    await feed_all(service, events[:40])
    await ask(service, company_of(service.settings))
    async with service.pool.acquire() as slow:
        transaction = slow.transaction()
        await transaction.start()
        await service.folder()(slow, [Received(e, e.source, 0, 0) for e in events[40:]])
        working = asyncio.create_task(service.keep(pace=SLOWLY))
        await waiting_for_a_lock(service)
        # It came later, and must not overtake who waits to switch.
        late = asyncio.create_task(service.feed(events[:1], shard=1))
        await asyncio.wait({working, late}, timeout=0.2)
        assert not working.done()
        assert not late.done()
        await transaction.commit()
    await asyncio.gather(working, late)
    assert (await live(service)).id == 2
    shelf = folded([events], company_of(service.settings))
    assert await service.cells() == sorted((*k, *v) for k, v in shelf.cells.items())


async def waiting_for_a_lock(service: Any) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        waiting = "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)"
        while not await service.pool.fetchval(waiting):  # noqa: ASYNC110 - the database's event
            await asyncio.sleep(0.01)


async def test_progress_is_shown_while_the_figures_are_made(service: Any) -> None:
    events = History(44, facts=60).events
    await feed_all(service, events)
    await service.pool.execute("UPDATE generations SET catalogue_version = 'an older one'")
    company = company_of(service.settings)
    assert await building_asked(service, company) is None
    async with service.pool.acquire() as connection:
        # The first step finds out how much there is.
        await move_on(connection, company=company, clock=SetClock(NOW), pace=SLOWLY)
        await move_on(connection, company=company, clock=SetClock(NOW), pace=SLOWLY)
    async with service.caller() as client:
        refused = await client.get("/v1/kpis/revenue_net", params={"period": "2024"})
        assert refused.status_code == 503
        problem = refused.json()
        assert problem["type"].endswith("figures-being-rebuilt")
        assert 0 < problem["percent"] < 100
        assert problem["seconds_left"] >= 0
        await service.keep()
        answered = await client.get("/v1/kpis/revenue_net", params={"period": "2024"})
        assert answered.status_code == 200


async def test_a_release_that_was_replaced_does_not_take_its_figures_back_by_itself(
    service: Any,
) -> None:
    await feed_all(service, History(45, facts=30).events)
    ours, elsewhere = company_of(service.settings), Company(time_zone="UTC", base_currency="EUR")
    assert await service.prepare(elsewhere) == 2
    assert await building_asked(service, ours) is None
    assert [one.status for one in await generations(service)] == ["retired", "live"]
    await switch_back(service, 1)
    await service.keep(ours)
    assert await service.prepare() == 1


async def test_of_retired_generations_the_last_two_are_kept(service: Any) -> None:
    await feed_all(service, History(46, facts=20).events)
    for _ in range(4):
        await ask(service, company_of(service.settings))
        await kept(service)
    known = await generations(service)
    assert [(one.id, one.status) for one in known] == [(3, "retired"), (4, "retired"), (5, "live")]
    for table in ("facts", "cells", "ledger", "pending"):
        oldest = await service.pool.fetchval(f"SELECT coalesce(min(generation), 3) FROM {table}")
        assert oldest >= 3, table


async def test_a_build_that_cannot_go_on_leaves_the_live_figures_alone(
    service: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await feed_all(service, History(47, facts=30).events)
    await ask(service, company_of(service.settings))

    def broken(*_: object) -> None:
        raise KeyError("a fault of ours")

    monkeypatch.setattr(building, "changes_of", broken)
    with pytest.raises(building.BuildFailed):
        await service.keep()
    assert (await live(service)).id == 1
    async with service.caller() as client:
        answered = await client.get("/v1/kpis/revenue_net", params={"period": "2024"})
        assert answered.status_code == 200


async def feed_all(service: Any, events: Sequence[Event]) -> None:
    for start in range(0, len(events), 10):
        await service.feed(events[start : start + 10])


@asynccontextmanager
async def load(service: Any, events: Sequence[Event]) -> AsyncIterator[None]:
    """Two workers that fold events meanwhile, each those of streams of its own."""

    async def work(shard: int) -> None:
        ours = [e for e in events if crc32(e.subject.encode()) % 2 == shard]
        for start in range(0, len(ours), 4):
            while True:
                try:
                    await service.feed(ours[start : start + 4], shard=shard)
                except asyncpg.SerializationError:
                    await asyncio.sleep(0)
                else:
                    break

    working = asyncio.gather(work(0), work(1))
    try:
        yield
        await working
    finally:
        working.cancel()


async def ask(service: Any, company: Company) -> int:
    async with service.pool.acquire() as connection, connection.transaction():
        return await start_build(connection, terms_of(company), to_go_live=True, asked_by="me")


async def switch_back(service: Any, generation: int) -> None:
    async with service.pool.acquire() as connection, connection.transaction():
        await ask_to_switch(connection, generation, company=company_of(service.settings))


async def kept(service: Any) -> int:
    return int(await service.keep(pace=SLOWLY))


async def move(service: Any, connection: Any) -> bool:
    company = company_of(service.settings)
    return await move_on(connection, company=company, clock=SetClock(NOW), pace=SLOWLY)


async def building_asked(service: Any, company: Company) -> int | None:
    return await prepare(service.pool, company=company)


async def live(service: Any) -> Generation:
    async with service.pool.acquire() as connection:
        found = await live_generation(connection)
    assert found is not None
    return found


async def generations(service: Any) -> list[Generation]:
    async with service.pool.acquire() as connection:
        return await all_generations(connection)


def ledger_of(shelf: Any) -> list[tuple[Any, ...]]:
    return sorted((*key, second, *vector) for (second, *key), vector in shelf.ledger.items())
