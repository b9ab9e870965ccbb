"""A TCP proxy that can be broken: between one process and what it talks to.

It runs in a thread of its own, so that rows, which are not asynchronous, can use it. A fault that
lasts is a context manager; at its end bytes flow again.
"""

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final, Self

CHUNK_BYTES: Final = 64 * 1024
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)
"""SO_LINGER of zero seconds: closing sends RST in place of FIN."""


@dataclass(eq=False)
class _Connection:
    """Both sides of one connection, and whether its bytes are swallowed."""

    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    lost: bool = False

    def reset(self) -> None:
        for writer in self.writers:
            raw: socket.socket = writer.get_extra_info("socket")
            if raw.fileno() >= 0:  # one side of a lost connection may have been closed long ago
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            writer.transport.abort()


class Proxy:
    """Forwards from a port of its own to `target` on this machine."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self.bytes_passed = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._connections: set[_Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False
        self._latency_seconds = 0.0
        self._bytes_per_second: float | None = None
        self._flowing = asyncio.Event()
        self._flowing.set()

    def start(self) -> Self:
        self._thread.start()
        self.port = self._run(self._listen())
        return self

    def stop(self) -> None:
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def reset(self) -> None:
        """Every connection ends with RST; new ones are taken."""
        self._run(self._reset())

    @contextmanager
    def cut(self) -> Iterator[None]:
        """Every connection ends with RST, and so does each new one."""
        self._closed = True
        self.reset()
        try:
            yield
        finally:
            self._closed = False

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Nothing gets through and nothing is said, then it flows on: a route that was away."""
        self._loop.call_soon_threadsafe(self._flowing.clear)
        try:
            yield
        finally:
            self._loop.call_soon_threadsafe(self._flowing.set)

    def lose(self) -> None:
        """Connections stay open and are dead for good, as when the peer vanished: half-open."""
        self._run(self._lose())

    @contextmanager
    def slow(
        self, *, latency_seconds: float, bytes_per_second: float | None = None
    ) -> Iterator[None]:
        """Every chunk comes so much later, and no faster than that."""
        self._latency_seconds, self._bytes_per_second = latency_seconds, bytes_per_second
        try:
            yield
        finally:
            self._latency_seconds, self._bytes_per_second = 0.0, None

    def _run(self, what: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(30)

    async def _listen(self) -> int:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def _end(self) -> None:
        self._server.close()
        await self._reset()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _reset(self) -> None:
        for connection in list(self._connections):
            connection.reset()

    async def _lose(self) -> None:
        for connection in self._connections:
            connection.lost = True

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection([writer])
        if self._closed:
            connection.reset()
            return
        try:
            theirs, there = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            connection.reset()
            return
        connection.writers.append(there)
        self._connections.add(connection)
        both = [
            self._loop.create_task(self._pump(connection, *way))
            for way in ((reader, there), (theirs, writer))
        ]
        self._tasks.update(both)
        await asyncio.wait(both)
        self._tasks.difference_update(both)
        if not connection.lost:  # else one side is open still; it is closed with the proxy
            self._connections.discard(connection)

    async def _pump(
        self, connection: _Connection, source: asyncio.StreamReader, sink: asyncio.StreamWriter
    ) -> None:
        with suppress(OSError):
            while data := await source.read(CHUNK_BYTES):
                await self._flowing.wait()
                if self._latency_seconds:
                    await asyncio.sleep(self._latency_seconds)
                if self._bytes_per_second:
                    await asyncio.sleep(len(data) / self._bytes_per_second)
                if not connection.lost:
                    sink.write(data)
                    self.bytes_passed += len(data)
                    await sink.drain()
        # A half-open connection is the point of `lost`: the other side is not told.
        if not connection.lost:
            sink.close()
