"""One service as one process: ports, signals, and an ending that says why.

Exit codes: 0 told to stop, 1 a part died, 2 settings or ports are unusable.
"""

import asyncio
import gc
import logging
import pkgutil
import socket
import sys
from collections.abc import Callable
from functools import partial
from typing import Any, Final, NoReturn

import uvloop
from fastapi import FastAPI

from chassis import logs
from chassis.db import first_line
from chassis.health import check_all
from chassis.listening import CannotListen, Listener, beside, end_unusable, listen, on_signal
from chassis.resources import Resources
from chassis.settings import SettingsUnusable, load_settings
from chassis.tasks import TaskKeeper
from chassis.telemetry_server import telemetry_app

log = logging.getLogger(__name__)

_NEW_OBJECTS: Final = 50_000


def run_service(factory: str, settings_class: str) -> NoReturn:
    """Read settings, listen, serve until SIGTERM or SIGINT; exits the process."""
    create_app: Callable[[Any], FastAPI] = pkgutil.resolve_name(factory)
    try:
        settings = load_settings(pkgutil.resolve_name(settings_class))
        door = listen(settings.host, settings.port, variable="PORT")
        probes = listen(settings.host, settings.telemetry_port, variable="TELEMETRY_PORT")
    except SettingsUnusable as unusable:
        end_unusable(unusable.lines)
    except CannotListen as refused:
        end_unusable([str(refused)])
    logs.configure(service=settings.service, level=settings.log_level)
    app = create_app(settings)
    quiet_collector()
    sys.exit(uvloop.run(_serve(app, door=door, probes=probes)))


def quiet_collector() -> None:
    """Let the garbage collector look for cycles more rarely, and never among what stays.

    By default it looks after every 700 new objects: with thousands of events in memory that
    took a quarter of a consumer's processor time, to find nothing.
    """
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, 20, 50)
    gc.enable()


async def _serve(app: FastAPI, *, door: socket.socket, probes: socket.socket) -> int:
    resources: Resources = app.state.resources
    keeper: TaskKeeper = app.state.tasks
    server = Listener(app)

    def stop() -> None:
        # Streams and tasks watch `stopping`: uvicorn tells nobody before it cuts connections.
        resources.stopping.set()
        server.stop()

    on_signal(stop)
    readiness = partial(check_all, resources, app.state.checks)
    try:
        async with (
            beside(telemetry_app(resources.telemetry.registry, readiness=readiness), at=probes),
            app.router.lifespan_context(app),
        ):
            watch = asyncio.create_task(_stop_on_failure(keeper, stop), name="task watch")
            log.info(
                "listening on %s:%d, telemetry on port %d",
                *door.getsockname()[:2],
                probes.getsockname()[1],
            )
            await server.serve([door])
            watch.cancel()
    except Exception as error:
        log.exception("start or stop failed")
        keeper.failure = keeper.failure or f"{type(error).__name__}: {first_line(error)}"
    return _farewell(keeper)


async def _stop_on_failure(keeper: TaskKeeper, stop: Callable[[], None]) -> None:
    await keeper.failed.wait()
    stop()


def _farewell(keeper: TaskKeeper) -> int:
    if keeper.failure is not None:
        log.critical("ended: %s", keeper.failure)
        return 1
    log.info("ended: told to stop")
    return 0
