"""A service as a real process: ports, signals, streams, and endings that say why."""

import asyncio
import contextlib
import json
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from chassis.settings import DEVELOPMENT_ISSUER
from local.identity import Issuer
from local.settings import inherited_environment

PACKAGES = Path(__file__).parents[1] / "packages"
NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"


@dataclass
class Service:
    """A running process of the sample service."""

    process: asyncio.subprocess.Process
    lines: list[dict[str, Any]] = field(default_factory=list)
    errors: str = ""
    port: int = 0
    telemetry_port: int = 0

    async def listening(self) -> None:
        """Read its log until it says where it listens."""
        async with asyncio.timeout(60):
            while True:
                line = await self.next_line()
                if line["event"].startswith("listening on"):
                    words = line["event"].replace(",", "").split()
                    self.port = int(words[2].rpartition(":")[2])
                    self.telemetry_port = int(words[-1])
                    return

    async def next_line(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        raw = await self.process.stdout.readline()
        assert raw, f"ended: {await self.ended()}, {self.errors}"
        self.lines.append(json.loads(raw))
        return self.lines[-1]

    async def ended(self) -> tuple[int, str]:
        """Exit code and last line of the log."""
        out, errors = await asyncio.wait_for(self.process.communicate(), 60)
        self.errors = errors.decode()
        last = out.decode().strip().splitlines()[-1] if out.strip() else ""
        assert self.process.returncode is not None
        return self.process.returncode, last

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def telemetry(self) -> str:
        return f"http://127.0.0.1:{self.telemetry_port}"


Start = Callable[..., Any]


@pytest.fixture
async def start(issuer: Issuer) -> AsyncIterator[Start]:
    """Start the sample service; whatever still runs at the end is killed."""
    started: list[asyncio.subprocess.Process] = []
    environment = inherited_environment() | {
        "PYTHONPATH": str(PACKAGES),
        "DATABASE_URL": NOWHERE,
        "EVENT_LOG": "kafka://127.0.0.1:1",
        "ENVIRONMENT": "development",
        "AUTH_ISSUER": DEVELOPMENT_ISSUER,
        "AUTH_JWKS": issuer.jwks_url,
        "CURSOR_SECRET": "a secret for tests only",
    }

    async def begin(*module: str, **changed: str) -> Service:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            *(module or ("sample",)),
            env={**environment, **{name.upper(): value for name, value in changed.items()}},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        started.append(process)
        return Service(process)

    yield begin
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


async def test_it_serves_two_ports_and_ends_in_time_with_streams_attached(
    start: Start, sample_database: str, headers: Callable[..., dict[str, str]]
) -> None:
    service: Service = await start(database_url=sample_database)
    await service.listening()
    async with httpx.AsyncClient(headers=headers(), timeout=20) as client:
        assert (await client.get(f"{service.url}/health/live")).json()["status"] == "live"
        await ready(client, service)
        assert (await client.get(f"{service.url}/v1/notes")).status_code == 200
        page = (await client.get(f"{service.telemetry}/metrics")).text
        assert 'http_request_duration_seconds_count{method="GET",route="/v1/notes"' in page
        for name in ("http_requests_in_progress", "event_loop_lag_seconds", "process_resident"):
            assert name in page
        async with (
            client.stream("GET", f"{service.url}/v1/notes/stream") as polite,
            client.stream("GET", f"{service.url}/v1/notes/stubborn") as stubborn,
        ):
            assert polite.headers["content-type"].startswith("text/event-stream")
            polite_lines, stubborn_lines = polite.aiter_lines(), stubborn.aiter_lines()
            assert "hello" in await anext(polite_lines)
            assert "hello" in await anext(stubborn_lines)
            told_at = time.monotonic()
            service.process.send_signal(signal.SIGTERM)
            # Before the drain of three seconds is over: it ended by itself.
            async with asyncio.timeout(2.5):
                assert [line async for line in polite_lines if line] == []
            code, last = await service.ended()
            # Five at rest (3.4 measured); without our limit it would be an hour. A machine
            # that runs other tests too may be twice as slow.
            assert time.monotonic() - told_at < 10
    assert code == 0
    assert json.loads(last)["event"] == "ended: told to stop"


async def ready(client: httpx.AsyncClient, service: Service) -> None:
    async with asyncio.timeout(10):
        while True:
            answer = await client.get(f"{service.telemetry}/health/ready")
            if answer.status_code == 200:
                assert answer.json()["checks"] == {"database": "ok", "schema": "ok"}
                return
            await asyncio.sleep(0.1)


async def test_without_a_database_it_lives_waits_and_answers_503(
    start: Start, headers: Callable[..., dict[str, str]]
) -> None:
    service: Service = await start()
    await service.listening()
    async with httpx.AsyncClient(headers=headers()) as client:
        assert (await client.get(f"{service.telemetry}/health/live")).status_code == 200
        health = await client.get(f"{service.url}/health/ready")
        assert (health.status_code, health.json()["status"]) == (503, "not_ready")
        refused = await client.get(f"{service.url}/v1/notes")
        assert refused.status_code == 503
        assert refused.headers["retry-after"]
        assert refused.json()["type"] == "urn:tandem:problem:database-unavailable"
    service.process.send_signal(signal.SIGINT)
    code, _ = await service.ended()
    assert code == 0


async def test_nonsense_on_the_wire_is_answered_and_survived(
    start: Start, headers: Callable[..., dict[str, str]]
) -> None:
    service: Service = await start()
    await service.listening()
    json_headers = {**headers(), "content-type": "application/json"}
    async with httpx.AsyncClient(headers=json_headers, timeout=30) as client:
        for path in ("/v1/notes", "/v1/notes/import"):
            refused = await client.post(f"{service.url}{path}", content=b" " * 50 * 1024 * 1024)
            assert refused.status_code == 413, path
            assert refused.json()["type"] == "urn:tandem:problem:too-large"
        stranger = await client.post(
            f"{service.url}/v1/notes", content=b" " * 900_000, headers={"authorization": ""}
        )
        assert stranger.status_code == 401
        for raw in (
            b"nonsense\r\n\r\n",
            b"GET / HTTP/9.9\r\n\r\n",
            b"GET /\xff\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
            b"POST /v1/notes HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
            b"POST /v1/notes HTTP/1.1\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n",
        ):
            reader, writer = await asyncio.open_connection("127.0.0.1", service.port)
            writer.write(raw)
            writer.write_eof()
            answer = await asyncio.wait_for(reader.read(), 5)
            assert b" 500 " not in answer.partition(b"\r\n")[0]
            writer.close()
        assert (await client.get(f"{service.url}/health/live")).status_code == 200


async def test_it_becomes_ready_when_its_database_is_migrated(
    start: Start, database: str, headers: Callable[..., dict[str, str]]
) -> None:
    service: Service = await start(database_url=database)
    await service.listening()
    line = await service.next_line()
    assert line["event"] == "schema is behind; run: python -m chassis.migrate sample"
    async with httpx.AsyncClient(headers=headers()) as client:
        health = (await client.get(f"{service.telemetry}/health/ready")).json()
        assert health["checks"] == {"database": "ok", "schema": "failing"}
        migration: Service = await start("chassis.migrate", "sample", database_url=database)
        assert await migration.ended() == (0, "sample: schema is at revision 0002")
        await ready(client, service)


async def test_a_background_task_that_dies_ends_the_process(
    start: Start, sample_database: str
) -> None:
    service: Service = await start(database_url=sample_database, dies_after_seconds="0.2")
    code, last = await service.ended()
    assert code == 1
    said = json.loads(last)
    assert said["level"] == "critical"
    assert said["event"] == (
        "ended: background task consume died: RuntimeError: the tester wanted it"
    )


@pytest.mark.parametrize("variable", ["PORT", "TELEMETRY_PORT"])
async def test_a_taken_port_is_one_clear_line(start: Start, variable: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        service: Service = await start(**{variable: str(port)})
        code, last = await service.ended()
    assert (code, last) == (2, "")
    assert service.errors == (
        f"cannot listen on 127.0.0.1:{port}: address already in use;"
        f" end what uses it, or set {variable} to a free port\n"
    )


async def test_unusable_settings_are_a_clear_line_each(start: Start) -> None:
    service: Service = await start(event_log="", port="x", cursor_secret="short")
    code, _ = await service.ended()
    lines = service.errors.splitlines()
    assert code == 2
    assert len(lines) == 3
    assert all(line.startswith("settings: ") for line in lines)


async def test_many_migrators_at_once_do_it_once(start: Start, database: str) -> None:
    migrators = [await start("chassis.migrate", "sample", database_url=database) for _ in range(3)]
    ends = await asyncio.gather(*(migrator.ended() for migrator in migrators))
    assert set(ends) == {(0, "sample: schema is at revision 0002")}


async def test_the_relay_refuses_unusable_settings(start: Start) -> None:
    relay: Service = await start("chassis.relay", telemetry_port="0")
    code, _ = await relay.ended()
    assert code == 2
    assert relay.errors.startswith("settings: OUTBOX_URLS is not set")
