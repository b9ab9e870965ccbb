"""What happens around every request: trace, timing, body limit, last resort.

Pure ASGI: three do-nothing BaseHTTPMiddleware cost ten times as much as a
request's own overhead, and break context variables for what comes after them.
"""

import asyncio
import logging
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis import problems, tracing
from chassis.db import first_line
from chassis.errors import Malformed, TooLarge
from chassis.routes import DeclaredRoute
from chassis.telemetry import UNMATCHED_ROUTE, Telemetry

log = logging.getLogger(__name__)

BODY_BYTES: Final = 1024 * 1024
LARGE_BODY_BYTES: Final = 16 * 1024 * 1024
UNREAD_BYTES: Final = 64 * 1024 * 1024
UNREAD_SECONDS: Final = 5.0
BODY_SECONDS: Final = 60.0
"""For a whole body to come in: who sends a byte at a time must not hold its room for ever."""
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_STREAM: Final = "text/event-stream"
_SECURITY_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class AnswerBroken(Exception):
    """We failed while the answer was already on its way."""


class RequestFrame:
    """Outermost: begins the trace, times the request, answers what nobody else caught."""

    def __init__(self, app: ASGIApp, *, telemetry: Telemetry) -> None:
        self._app = app
        self._telemetry = telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        trace = tracing.follow(Headers(scope=scope).get("traceparent"))
        started_at = time.perf_counter()
        status, streaming = 0, False

        async def send_framed(message: Message) -> None:
            nonlocal status, streaming
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                streaming = headers.get("content-type", "").startswith(_STREAM)
                headers["X-Trace-Id"] = trace.trace_id
                for name, value in _SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        with self._telemetry.http_in_progress.track_inprogress():
            try:
                await self._app(scope, receive, send_framed)
            except Exception as error:  # noqa: BLE001 - the last resort, and it is counted
                self._telemetry.http_broken.inc()
                _report(error)
                if status:
                    # Cutting the connection is the only way left to say so. `from None`
                    # keeps the error's message, which may quote data, out of uvicorn's log.
                    raise AnswerBroken from None
                await problems.failure()(scope, receive, send_framed)
            finally:
                # A stream lasts as long as its reader likes, which is nobody's latency.
                if not streaming:
                    self._observe(scope, status, time.perf_counter() - started_at)

    def _observe(self, scope: Scope, status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        self._telemetry.http_seconds.labels(
            method, _template(scope), f"{status // 100}xx" if status else "aborted"
        ).observe(seconds)


class BodyLimit:
    """Refuses bodies that are too large before they are in memory, or that do not come in, and
    NUL in the target.
    """

    def __init__(self, app: ASGIApp, *, large_body_suffixes: tuple[str, ...]) -> None:
        self._app = app
        self._large = large_body_suffixes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if "\0" in scope["path"] or b"%00" in scope["query_string"]:
            refusal = Malformed("the address holds a NUL character", hint="remove %00")
            await problems.respond(refusal)(scope, receive, send)
            return
        limit = LARGE_BODY_BYTES if scope["path"].endswith(self._large) else BODY_BYTES
        if _announced(scope) > limit:
            await _refuse_unread(_too_large(limit), scope, receive=receive, send=send)
            return
        await self._app(scope, _counting(receive, limit), send)


def _announced(scope: Scope) -> int:
    length = Headers(scope=scope).get("content-length", "0")
    return int(length) if length.isdecimal() else 0


def _too_large(limit: int) -> problems.ProblemResponse:
    refusal = TooLarge(
        f"the body is larger than {limit // 1024} KiB", hint="send it in several requests"
    )
    answer = problems.respond(refusal)
    # The rest of the body is still coming; nobody wants the connection after it.
    answer.headers["Connection"] = "close"
    return answer


async def _refuse_unread(
    answer: problems.ProblemResponse, scope: Scope, *, receive: Receive, send: Send
) -> None:
    """Answer at once, then let the body run into nothing before the connection is closed.

    Closed with unread bytes, it would be reset, and the answer lost before it was read.
    """

    async def send_open(message: Message) -> None:
        if message["type"] == "http.response.body":
            message["more_body"] = True
        await send(message)

    await answer(scope, receive, send_open)
    unread = UNREAD_BYTES
    with suppress(TimeoutError):
        async with asyncio.timeout(UNREAD_SECONDS):
            while unread > 0:
                message = await receive()
                unread -= len(message.get("body", b""))
                if not message.get("more_body"):
                    break
    await send({"type": "http.response.body", "body": b""})


def _counting(receive: Receive, limit: int) -> Receive:
    taken = 0
    ends_at: float | None = asyncio.get_running_loop().time() + BODY_SECONDS

    async def receive_counted() -> Message:
        nonlocal taken, ends_at
        try:
            async with asyncio.timeout_at(ends_at):
                message = await receive()
        except TimeoutError:
            raise HTTPException(408, headers={"Connection": "close"}) from None
        if message["type"] == "http.request":
            taken += len(message.get("body", b""))
            if taken > limit:
                # FastAPI lets this one pass while it reads a body; others become a 400.
                raise HTTPException(413)
            if not message.get("more_body"):
                ends_at = None  # what is received from now on is only that the caller left
        return message

    return receive_counted


def _template(scope: Scope) -> str:
    app = scope.get("app")
    table: Mapping[int, DeclaredRoute] = app.state.routes if app is not None else {}
    route = table.get(id(scope.get("route")))
    return route.path if route is not None else UNMATCHED_ROUTE


def _report(error: Exception) -> None:
    """Log where it broke. Messages of database errors quote rows; only their first line is kept."""
    frames = traceback.extract_tb(error.__traceback__)[-12:]
    log.error(
        "request failed: %s: %s",
        type(error).__name__,
        first_line(error),
        extra={"frames": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]},
    )
