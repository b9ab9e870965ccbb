"""One exchange with a service over HTTP: the port, and its httpx implementation.

httpx alone collapses under concurrency (its pool rescans every connection), so
it runs on aiohttp's connection pool. The port is narrow so that another client
can take its place.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

Headers = Sequence[tuple[bytes, bytes]]

MAX_ANSWER_BYTES: Final = 32 * 1024 * 1024
"""Answers are held whole; the largest legitimate one (an import of 500 rows) is far below."""

PIECE_BYTES: Final = 256 * 1024

KEEP_ALIVE_SECONDS: Final = 4.0
"""Shorter than any server keeps idle connections, so that none is sent into a closing one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request to a service; `target` is path and query, already encoded."""

    method: str
    target: bytes
    headers: Headers = ()
    body: bytes = b""

    @property
    def is_idempotent(self) -> bool:
        """Whether sending it twice is the same as once, whatever happened to the first."""
        return self.method in {"GET", "HEAD"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A service's answer, whole; header names in lower case."""

    status: int
    headers: Headers = ()
    body: bytes = field(default=b"", repr=False)

    def header(self, name: bytes) -> bytes | None:
        """The first header of this lower-case name."""
        return next((value for key, value in self.headers if key == name), None)


class ConnectionFailed(Exception):
    """No connection, a broken one, or an answer that is not HTTP or not bounded."""


class Transport(Protocol):
    """Sends one request, once. The caller sets the deadline by cancelling."""

    async def send(self, call: Call) -> Answer:
        """Raises ConnectionFailed."""
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...


class HttpTransport:
    """httpx on aiohttp's pool, for one service."""

    def __init__(self, base_url: str, *, connections: int, tls: ssl.SSLContext) -> None:
        # It would log every address that is called, with the queries of our callers.
        logging.getLogger("httpx").setLevel(logging.WARNING)
        self._base = httpx.URL(base_url)
        limits = httpx.Limits(max_connections=connections, keepalive_expiry=KEEP_ALIVE_SECONDS)
        self._client = httpx.AsyncClient(
            transport=AiohttpTransport(verify=tls, limits=limits, trust_env=False),
            timeout=None,  # noqa: S113 - the deadline is the caller's
        )

    async def send(self, call: Call) -> Answer:
        url = self._base.copy_with(raw_path=self._base.raw_path.rstrip(b"/") + call.target)
        request = _request(call, url)
        try:
            response = await self._client.send(request, stream=True)
            try:
                body = await _read_whole(response)
            finally:
                await response.aclose()
        except (httpx.HTTPError, aiohttp.ClientError, OSError) as error:
            raise ConnectionFailed(type(error).__name__) from error
        headers = [(name.lower(), value) for name, value in response.headers.raw]
        return Answer(status=response.status_code, headers=headers, body=body)

    async def close(self) -> None:
        await self._client.aclose()


def _request(call: Call, url: httpx.URL) -> httpx.Request:
    if len(call.body) <= PIECE_BYTES:
        return httpx.Request(call.method, url, headers=list(call.headers), content=call.body)
    # Written in one go, a large body would hold up every other request meanwhile.
    headers = [*call.headers, (b"content-length", b"%d" % len(call.body))]
    return httpx.Request(call.method, url, headers=headers, content=_in_pieces(call.body))


async def _in_pieces(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), PIECE_BYTES):
        yield body[start : start + PIECE_BYTES]


async def _read_whole(response: httpx.Response) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.aiter_raw():
        size += len(chunk)
        if size > MAX_ANSWER_BYTES:
            raise ConnectionFailed(f"an answer of more than {MAX_ANSWER_BYTES} bytes")
        chunks.append(chunk)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)
