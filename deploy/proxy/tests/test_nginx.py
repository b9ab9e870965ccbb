"""The example of a proxy: slow and endless heads end there, and streams come through at once."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from local.ports import free_port

EXAMPLE = Path(__file__).parents[1] / "nginx.conf"
SECONDS = 1

pytestmark = pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx not installed")


@dataclass
class Proxy:
    """nginx before a stand-in that sends half of a stream and then waits."""

    port: int
    heads: list[bytes] = field(default_factory=list)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def behind(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: first\n\n")
        await writer.drain()
        await reader.read()  # until the other side leaves
        writer.close()


@pytest.fixture
async def proxy(tmp_path: Path) -> AsyncIterator[Proxy]:
    made = Proxy(free_port())
    gateway = await asyncio.start_server(made.behind, "127.0.0.1", 0)
    address = ":".join(map(str, gateway.sockets[0].getsockname()))
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    folders = "".join(f"{kind}_temp_path {tmp_path}/{kind};" for kind in kinds)
    text = EXAMPLE.read_text()
    for old, new in {
        "client_header_timeout 10s": f"client_header_timeout {SECONDS}s",
        "listen 80;": f"listen 127.0.0.1:{made.port};",
        "server 127.0.0.1:8080;": f"server {address};",
        "http {": f"http {{ access_log off; {folders}",
    }.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    (tmp_path / "nginx.conf").write_text(text)
    process = await asyncio.create_subprocess_exec(
        *("nginx", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")),
        *("-g", f"daemon off; pid {tmp_path}/nginx.pid; error_log stderr;"),
    )
    try:
        async with asyncio.timeout(30):
            while True:
                try:
                    _, writer = await made.connect()
                except ConnectionRefusedError:
                    assert process.returncode is None, "nginx does not take the example"
                    await asyncio.sleep(0.02)
                else:
                    writer.close()
                    break
        yield made
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
        gateway.close()


async def test_who_sends_its_head_slowly_is_cut_off_before_the_gateway_hears_of_it(
    proxy: Proxy,
) -> None:
    reader, writer = await proxy.connect()
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n")

    async def drip() -> None:
        while True:
            writer.write(b"x: y\r\n")
            await asyncio.sleep(SECONDS / 5)

    dripping = asyncio.create_task(drip())
    answer = await asyncio.wait_for(reader.read(), 30)
    dripping.cancel()
    writer.close()
    assert not answer or b" 408 " in answer.splitlines()[0]
    assert proxy.heads == []


async def test_a_head_without_end_is_refused(proxy: Proxy) -> None:
    reader, writer = await proxy.connect()
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n" + b"x: " + b"y" * 100_000)
    answer = await asyncio.wait_for(reader.readline(), 30)
    writer.close()
    assert b" 400 " in answer
    assert proxy.heads == []


async def test_a_stream_comes_through_part_by_part(proxy: Proxy) -> None:
    reader, writer = await proxy.connect()
    writer.write(b"GET /v1/kpis/stream HTTP/1.1\r\nHost: x\r\n\r\n")
    async with asyncio.timeout(30):
        assert b"data: first" in await reader.readuntil(b"data: first")
    writer.close()
    assert len(proxy.heads) == 1
