"""Sockets and servers of a process: bound early, stopped on request, quiet."""

import asyncio
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final, NoReturn

import uvicorn
from starlette.types import ASGIApp

DRAIN_SECONDS: Final = 3
"""Requests in flight get this long; an SSE client would hold the process for ever."""
KEEP_ALIVE_SECONDS: Final = 75
"""Longer than the idle timeout of usual proxies, so that they close first."""
UNUSABLE: Final = 2
"""Exit code of a process that cannot start as it was told to; restarting it does not help."""
_BACKLOG: Final = 2048


class CannotListen(Exception):
    """The port is taken, or the address is not one of this machine."""


def listen(host: str, port: int, *, variable: str) -> socket.socket:
    """A listening socket. Raises CannotListen."""
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        # At once: two processes can bind the same port while neither listens.
        bound.listen(_BACKLOG)
    except OSError as error:
        bound.close()
        raise CannotListen(
            f"cannot listen on {host}:{port}: {(error.strerror or str(error)).lower()};"
            f" end what uses it, or set {variable} to a free port"
        ) from None
    return bound


def end_unusable(lines: list[str]) -> NoReturn:
    """Say what is wrong, a line each, and end with exit code 2."""
    for line in lines:
        # Before logs exist, and for a person's eyes.
        print(line, file=sys.stderr)  # noqa: T201
    sys.exit(UNUSABLE)


class Listener(uvicorn.Server):
    """uvicorn without its signal handling, which would end the process by the signal itself."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http="httptools",
                ws="none",
                # The process enters the app's lifespan itself, to end with its own words.
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=DRAIN_SECONDS,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
            )
        )

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def stop(self) -> None:
        """End soon; at once when asked a second time."""
        self.force_exit = self.should_exit
        self.should_exit = True


@asynccontextmanager
async def beside(app: ASGIApp, *, at: socket.socket) -> AsyncIterator[None]:
    """Serve `app` while the block runs; no drain, for probes come again."""
    server = Listener(app)
    serving = asyncio.create_task(server.serve([at]), name="telemetry port")
    try:
        yield
    finally:
        server.should_exit = server.force_exit = True
        await serving


def on_signal(stop: Callable[[], None]) -> None:
    """Call `stop` at each SIGTERM and SIGINT."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
