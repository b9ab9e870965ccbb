"""One service as one process: ports, signals, and an ending that says why.

Exit codes: 0 told to stop, 1 a part died, 2 settings or ports are unusable.
"""

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, NoReturn, TypeVar

import uvicorn
import uvloop
from fastapi import FastAPI
from starlette.types import ASGIApp

from chassis import logs
from chassis.resources import Resources
from chassis.settings import ServiceSettings, SettingsUnusable, load_settings
from chassis.telemetry_server import telemetry_app

log = logging.getLogger(__name__)

DRAIN_SECONDS: Final = 3
"""Requests in flight get this long; an SSE client would hold the process for ever."""
KEEP_ALIVE_SECONDS: Final = 75
"""Longer than the idle timeout of usual proxies, so that they close first."""
UNUSABLE: Final = 2

S = TypeVar("S", bound=ServiceSettings)


class PortTaken(Exception):  # noqa: N818 - a statement
    """The process cannot listen where it was told to."""


def run_service(create_app: Callable[[S], FastAPI], settings_class: type[S]) -> None:
    """Read settings, listen, serve until SIGTERM or SIGINT; exits the process."""
    try:
        settings = load_settings(settings_class)
    except SettingsUnusable as unusable:
        end_unusable(unusable.lines)
    logs.configure(service=settings.service, level=settings.log_level)
    app = create_app(settings)
    try:
        door = listen(settings.host, settings.port, variable="PORT")
        probes = listen(settings.host, settings.telemetry_port, variable="TELEMETRY_PORT")
    except PortTaken as taken:
        end_unusable([str(taken)])
    sys.exit(uvloop.run(_serve(app, door=door, probes=probes)))


def end_unusable(lines: list[str]) -> NoReturn:
    """Say what is wrong, a line each, and end with exit code 2."""
    for line in lines:
        print(line, file=sys.stderr)  # noqa: T201 - before logs exist, for a person's eyes
    sys.exit(UNUSABLE)


def listen(host: str, port: int, *, variable: str) -> socket.socket:
    """A bound socket. Raises PortTaken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise PortTaken(
            f"cannot listen on {host}:{port}: {error.strerror};"
            f" end what uses it, or set {variable} to a free port"
        ) from None
    return bound


class Listener(uvicorn.Server):
    """uvicorn without its signal handling: it would end the process by the signal itself."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listener(app: ASGIApp, *, lifespan: bool) -> Listener:
    """A server for `app`, logging nothing by itself."""
    return Listener(
        uvicorn.Config(
            app,
            http="httptools",
            ws="none",
            lifespan="on" if lifespan else "off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=DRAIN_SECONDS,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
        )
    )


async def _serve(app: FastAPI, *, door: socket.socket, probes: socket.socket) -> int:
    resources: Resources = app.state.resources
    main = listener(app, lifespan=True)
    side = listener(telemetry_app(resources, app.state.checks), lifespan=False)
    loop = asyncio.get_running_loop()

    def stop() -> None:
        # Streams watch `stopping`: uvicorn tells nobody before connections are closed.
        resources.stopping.set()
        main.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    side_task = asyncio.create_task(side.serve([probes]), name="telemetry port")
    main_task = asyncio.create_task(main.serve([door]), name="main port")
    watch = asyncio.create_task(_end_on_failure(app, stop), name="task watch")
    log.info("listening on %s:%d", *door.getsockname()[:2])
    try:
        await main_task
    finally:
        watch.cancel()
        side.should_exit = True
        side.force_exit = True
        await side_task
    return _farewell(app)


async def _end_on_failure(app: FastAPI, stop: Callable[[], None]) -> None:
    while not hasattr(app.state, "tasks"):
        await asyncio.sleep(0.05)
    await app.state.tasks.failed.wait()
    stop()


def _farewell(app: FastAPI) -> int:
    keeper = getattr(app.state, "tasks", None)
    if keeper is None:
        log.critical("ended: start-up failed")
        return 1
    if keeper.failure is not None:
        log.critical("ended: %s", keeper.failure)
        return 1
    log.info("ended: told to stop")
    return 0
