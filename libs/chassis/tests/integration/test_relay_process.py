"""The relay as a process: it empties outboxes, and says why it ends."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import httpx
import pytest

from events import Event, append_asyncpg, open_log
from events.topics import apply
from events.types.ops import CostVoided
from local.ports import free_port
from local.settings import inherited_environment

NOW = datetime(2024, 5, 1, tzinfo=UTC)
ROOT = Path(__file__).parents[4]
NewDatabase = Callable[[], str]
StartRelay = Callable[..., "asyncio.Future[asyncio.subprocess.Process]"]


@pytest.fixture
async def start_relay() -> AsyncIterator[Callable[..., object]]:
    started: list[asyncio.subprocess.Process] = []

    async def start(**environment: str) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "chassis.relay",
            env=inherited_environment() | environment,
            stdout=asyncio.subprocess.PIPE,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def promise(url: str, *cost_ids: str) -> None:
    events = [
        Event.of(
            CostVoided(cost_id=cost_id),
            source="/tandem/sample",
            sequence=1,
            occurred_at=NOW,
            recorded_at=NOW,
        )
        for cost_id in cost_ids
    ]
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await append_asyncpg(connection, events)
    finally:
        await connection.close()


async def until_empty(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        async with asyncio.timeout(15):
            # Another process empties it, and tells nobody.
            while await connection.fetchval("SELECT count(*) FROM outbox"):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    finally:
        await connection.close()


async def last_line(process: asyncio.subprocess.Process) -> tuple[int | None, str]:
    out, _ = await asyncio.wait_for(process.communicate(), 15)
    return process.returncode, json.loads(out.decode().splitlines()[-1])["event"]


async def test_it_empties_outboxes_though_one_is_away_and_stops_when_told(
    new_database: NewDatabase, sample_database: str, start_relay: StartRelay
) -> None:
    event_log, port = new_database(), free_port()
    await apply(event_log, ROOT / "deploy/kafka/topics.yaml")
    await promise(sample_database, "a", "b", "c")
    process = await start_relay(
        OUTBOX_URLS=f"postgresql://nobody@127.0.0.1:1/away,{sample_database}",
        EVENT_LOG=event_log,
        TELEMETRY_PORT=str(port),
    )
    await until_empty(sample_database)
    async with open_log(event_log) as log:
        ends = await log.ends(await log.partitions(["ops"]))
    assert sum(ends.values()) == 3
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        assert (await client.get("/health/ready")).json()["status"] == "ready"
        page = (await client.get("/metrics")).text
    assert 'outbox_unreachable_total{database="away"}' in page
    assert "outbox_published_total{" in page
    process.send_signal(signal.SIGTERM)
    assert await last_line(process) == (0, "ended: told to stop")


async def test_it_ends_with_the_reason_when_the_log_lacks_a_topic(
    new_database: NewDatabase, sample_database: str, start_relay: StartRelay
) -> None:
    await promise(sample_database, "a")
    process = await start_relay(
        OUTBOX_URLS=sample_database, EVENT_LOG=new_database(), TELEMETRY_PORT="0"
    )
    code, line = await last_line(process)
    assert code == 1
    assert line.startswith("ended: ")
    assert "ops" in line


async def test_it_ends_with_the_reason_when_the_log_is_away(
    sample_database: str, start_relay: StartRelay
) -> None:
    process = await start_relay(
        OUTBOX_URLS=sample_database,
        EVENT_LOG="postgresql://nobody@127.0.0.1:1/eventlog",
        TELEMETRY_PORT="0",
    )
    await promise(sample_database, "a")
    code, line = await last_line(process)
    assert code == 1
    assert line.startswith("ended: ")


async def test_it_ends_itself_when_it_hangs_although_events_wait(
    new_database: NewDatabase, sample_database: str, start_relay: StartRelay
) -> None:
    event_log = new_database()
    await apply(event_log, ROOT / "deploy/kafka/topics.yaml")
    holder = await asyncpg.connect(event_log)
    try:
        async with holder.transaction():
            # Whoever appends waits for this lock, for as long as we like.
            await holder.execute("LOCK TABLE log_partitions IN ACCESS EXCLUSIVE MODE")
            await promise(sample_database, "a")
            process = await start_relay(
                OUTBOX_URLS=sample_database,
                EVENT_LOG=event_log,
                TELEMETRY_PORT="0",
                STALL_SECONDS="3",
            )
            code, line = await last_line(process)
    finally:
        await holder.close()
    assert code == 1
    assert line.startswith("ended: stuck: the outbox of ")
    assert line.endswith("made no progress for 3 s")
