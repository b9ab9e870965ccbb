"""The gateway as a process of its own: signals, the exit and its memory are real."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import psutil
import pytest

from chassis.settings import DEVELOPMENT_ISSUER
from events import open_log
from events.log import TopicState
from local.identity import Issuer
from local.ports import free_port
from local.settings import inherited_environment

SHOP = "https://shop.example.com"
PARTNERS = 8
REQUESTS = 200
INGRESS_BYTES = 8 * 1024 * 1024


@dataclass
class Running:
    """A gateway that answers."""

    process: asyncio.subprocess.Process
    client: httpx.AsyncClient
    issuer: Issuer
    database: str

    def memory(self) -> int:
        return int(psutil.Process(self.process.pid).memory_info().rss)


Start = Callable[..., Any]


@pytest.fixture
def start(new_database: Callable[..., str], tmp_path: Path) -> Start:
    @asynccontextmanager
    async def run(**environment: str) -> AsyncIterator[Running]:
        issuer, event_log = Issuer.open(tmp_path / "identity"), new_database()
        async with open_log(event_log) as log:
            await log.create_topic(TopicState(name="kpi", partitions=1, retention_seconds=None))
        database, port = new_database("gateway"), free_port()
        ours = inherited_environment() | {
            "DATABASE_URL": database,
            "EVENT_LOG": event_log,
            "ENVIRONMENT": "development",
            "AUTH_ISSUER": DEVELOPMENT_ISSUER,
            "AUTH_JWKS": issuer.jwks_url,
            "CURSOR_SECRET": "0123456789abcdef",
            "PORT": str(port),
            "TELEMETRY_PORT": str(free_port()),
        }
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gateway"), env=ours | environment, cwd=tmp_path
        )
        try:
            async with httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{port}",
                timeout=60,
                limits=httpx.Limits(max_connections=REQUESTS),
            ) as client:
                await _until_ready(client)
                yield Running(process, client, issuer, database)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    return run


async def _until_ready(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                if (await client.get("/health/ready")).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(0.05)


async def test_sigterm_ends_the_process_in_time_with_a_stream_open(
    build_house: Any, start: Start
) -> None:
    async with build_house() as house:
        house.services["metrics"].on("GET", "/v1/kpis/revenue_net", {"value": 1})
        async with start(METRICS_URL=house.services["metrics"].url) as gateway:
            bearer = {"Authorization": f"Bearer {gateway.issuer.token(roles=['boss'])}"}
            url = "/v1/kpis/stream?kpi=revenue_net"
            async with gateway.client.stream("GET", url, headers=bearer) as response:
                assert response.status_code == 200
                lines = response.aiter_lines()
                assert await anext(lines) == "retry: 1000"
                began = time.monotonic()
                gateway.process.send_signal(signal.SIGTERM)
                rest = [line async for line in lines]
                assert 'data: {"reason":"stopping"}' in rest
                assert time.monotonic() - began < 3, "nothing waits for the client to leave"
            assert await gateway.process.wait() == 0


def batch(name: str, *, events: int, lines: int) -> bytes:
    return json.dumps(
        [
            {
                "specversion": "1.0",
                "id": f"{name}-{n}",
                "source": SHOP,
                "type": "com.tandem.partner.order.paid.v1",
                "time": datetime.now(UTC).isoformat(),
                "data": {
                    "order_id": f"{name}-{n}",
                    "amount": {"amount_minor": lines, "currency": "USD"},
                    "lines": [{"product": "p1", "quantity": 1, "amount_minor": 1}] * lines,
                },
            }
            for n in range(events)
        ]
    ).encode()


async def send(gateway: Running, partner: int, body: bytes) -> httpx.Response:
    token = gateway.issuer.token(roles=["partner"], subject=f"p{partner}", sources=[SHOP])
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/cloudevents-batch+json",
    }
    return await gateway.client.post("/v1/events", content=body, headers=headers)


async def test_a_flood_of_partners_that_nobody_can_file_is_turned_away_and_not_kept(
    start: Start,
) -> None:
    """Twenty times as much comes at once as there is room for, while PostgreSQL takes nothing."""
    body = batch("flood", events=5, lines=3_500)
    async with start(INGRESS_BYTES=str(INGRESS_BYTES)) as gateway:
        first = await send(gateway, 0, batch("first", events=1, lines=1))
        assert first.status_code == 202, first.text
        most = before = gateway.memory()
        holder = await asyncpg.connect(gateway.database)
        async with asyncio.timeout(60), asyncio.TaskGroup() as tasks, holder.transaction():
            await holder.execute("LOCK TABLE inbox_sources IN ACCESS EXCLUSIVE MODE")
            sent = [tasks.create_task(send(gateway, n % PARTNERS, body)) for n in range(REQUESTS)]
            room = INGRESS_BYTES // len(body)
            while sum(not one.done() for one in sent) > room:
                most = max(most, gateway.memory())
                await asyncio.sleep(0.02)
        await holder.close()
        answers = [one.result() for one in sent]
    assert most - before < len(body) * REQUESTS // 2
    taken = [answer for answer in answers if answer.status_code == 202]
    refused = [answer for answer in answers if answer.status_code == 503]
    assert len(taken) + len(refused) == REQUESTS
    assert 1 <= len(taken) <= REQUESTS // 2
    assert all(int(answer.headers["retry-after"]) > 0 for answer in refused)
