"""`python -m chassis.relay`: the process that empties all services' outboxes into the log.

Beside that it tells how far every consumer is behind, because a dead one cannot.
Crash-only: any error of the log ends it, with the reason in the last line; what was
not acknowledged is still in the outboxes when the launcher has restarted it.
"""

import asyncio
import faulthandler
import gc
import logging
import os
import socket
import sys
from typing import Final

import uvloop

from chassis import logs
from chassis.db import first_line
from chassis.health import Health
from chassis.lag_observer import PrometheusLagObserver
from chassis.listening import CannotListen, beside, end_unusable, listen, on_signal
from chassis.settings import RelaySettings, SettingsUnusable, load_settings
from chassis.telemetry import Telemetry
from chassis.telemetry_server import telemetry_app
from events import EventsError, Relay, open_log
from events.outside_lag import OutsideLag
from events.watchdog import Watchdog

log = logging.getLogger(__name__)

_CANCEL_SECONDS: Final = 5.0


def main() -> int:
    """The exit code: 0 told to stop, 1 the log or a part of us failed, 2 unusable settings."""
    try:
        settings = load_settings(RelaySettings)
        probes = listen(settings.host, settings.telemetry_port, variable="TELEMETRY_PORT")
    except SettingsUnusable as unusable:
        end_unusable(unusable.lines)
    except CannotListen as refused:
        end_unusable([str(refused)])
    logs.configure(service="relay", level=settings.log_level)
    # Thousands of rows and records live for milliseconds and hold no cycles: looking for garbage
    # among them as often as usual costs a sixth of the whole work.
    gc.freeze()
    gc.set_threshold(50_000)
    return uvloop.run(_relay(settings, probes))


async def _relay(settings: RelaySettings, probes: socket.socket) -> int:
    telemetry = Telemetry()
    stop = asyncio.Event()
    on_signal(stop.set)

    log.info("relaying from %s", ", ".join(settings.outboxes))
    try:
        with Watchdog(seconds=settings.stall_seconds, end=_end_stuck) as watchdog:
            await _until_told(settings, telemetry, probes, stop=stop, watchdog=watchdog)
    except (EventsError, OSError) as error:
        log.critical("ended: %s: %s", type(error).__name__, first_line(error))
        return 1
    except Exception:
        log.exception("ended: a fault of the relay itself")
        return 1
    log.info("ended: told to stop")
    return 0


async def _until_told(
    settings: RelaySettings,
    telemetry: Telemetry,
    probes: socket.socket,
    *,
    stop: asyncio.Event,
    watchdog: Watchdog,
) -> None:
    async def readiness() -> Health:
        # It serves nobody; while it runs it is ready. How well is a matter of its gauges.
        return Health(status="not_ready" if stop.is_set() else "ready")

    async with (
        beside(telemetry_app(telemetry.registry, readiness=readiness), at=probes),
        open_log(settings.event_log) as event_log,
    ):
        relay = Relay(event_log, settings.outboxes, observer=telemetry.observer, watchdog=watchdog)
        lag = OutsideLag(
            event_log, settings.outboxes, observer=PrometheusLagObserver(telemetry.registry)
        )
        tasks = (
            asyncio.create_task(relay.run(stop), name="relay"),
            asyncio.create_task(lag.run(stop), name="lag of the consumers"),
        )
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=_CANCEL_SECONDS)


def _end_stuck(reason: str) -> None:
    """End the process from the watchdog's thread: the event loop may never come round again."""
    faulthandler.dump_traceback()  # where everything stands, for whoever asks why
    log.critical("ended: stuck: %s", reason)
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
