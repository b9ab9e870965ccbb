"""The gateway as a process of its own: signals are real, and so is the exit."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from chassis.settings import DEVELOPMENT_ISSUER
from events import open_log
from events.log import TopicState
from local.identity import Issuer
from local.ports import free_port


async def test_sigterm_ends_the_process_in_time_with_a_stream_open(
    build_house: Any, new_database: Callable[..., str], tmp_path: Path
) -> None:
    async with build_house() as house:
        house.services["metrics"].on("GET", "/v1/kpis/revenue_net", {"value": 1})
        issuer = Issuer.open(tmp_path / "identity")
        event_log = new_database()
        async with open_log(event_log) as log:
            await log.create_topic(TopicState(name="kpi", partitions=1, retention_seconds=None))
        port = free_port()
        environment = {
            "DATABASE_URL": new_database("gateway"),
            "EVENT_LOG": event_log,
            "ENVIRONMENT": "development",
            "AUTH_ISSUER": DEVELOPMENT_ISSUER,
            "AUTH_JWKS": issuer.jwks_url,
            "CURSOR_SECRET": "0123456789abcdef",
            "PORT": str(port),
            "TELEMETRY_PORT": str(free_port()),
            "METRICS_URL": house.services["metrics"].url,
        }
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gateway"), env=environment, cwd=tmp_path
        )
        try:
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
                await _until_ready(client)
                bearer = {"Authorization": f"Bearer {issuer.token(roles=['boss'])}"}
                url = "/v1/kpis/stream?kpi=revenue_net"
                async with client.stream("GET", url, headers=bearer) as response:
                    assert response.status_code == 200
                    lines = response.aiter_lines()
                    assert await anext(lines) == "retry: 1000"
                    began = time.monotonic()
                    process.send_signal(signal.SIGTERM)
                    rest = [line async for line in lines]
                    assert 'data: {"reason":"stopping"}' in rest
                    assert time.monotonic() - began < 3, "nothing waits for the client to leave"
            assert await process.wait() == 0
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def _until_ready(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                if (await client.get("/health/ready")).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(0.05)
