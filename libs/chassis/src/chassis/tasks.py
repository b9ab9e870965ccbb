"""Background tasks of a service: they all run, or the process ends.

Crash-only: a consumer that died silently would leave a service that answers from
views that no longer move. The launcher restarts what ended.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from chassis.db import first_line
from chassis.resources import Resources

log = logging.getLogger(__name__)

BackgroundTask = Callable[[Resources], Coroutine[Any, Any, None]]
"""Runs until `resources.stopping` is set, then returns soon."""

STOP_SECONDS: Final = 1.5
"""What is left of the five seconds after requests had three to end."""
LAG_PROBE_SECONDS: Final = 0.5


class TaskKeeper:
    """Runs background tasks and notices when one ends that should not."""

    def __init__(self, resources: Resources, tasks: Sequence[BackgroundTask]) -> None:
        self._resources = resources
        self._tasks = tasks
        self.failed = asyncio.Event()
        self.failure: str | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the tasks inside the block; on leaving, tell them to stop and wait shortly."""
        running = [
            asyncio.create_task(self._kept(_probe_loop), name="event loop probe"),
            *(asyncio.create_task(self._kept(task), name=task.__name__) for task in self._tasks),
        ]
        try:
            yield
        finally:
            self._resources.stopping.set()
            _, late = await asyncio.wait(running, timeout=STOP_SECONDS)
            for task in late:
                log.warning("background task %s did not stop in time", task.get_name())
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _kept(self, task: BackgroundTask) -> None:
        name = task.__name__
        stopping = self._resources.stopping
        try:
            if task is not _probe_loop:
                await self._database_answers()
            if not stopping.is_set():
                await task(self._resources)
        except Exception as error:
            log.exception("background task %s died", name)
            self._fail(f"background task {name} died: {type(error).__name__}: {first_line(error)}")
        else:
            if not stopping.is_set():
                self._fail(f"background task {name} returned although nobody told it to")

    def _fail(self, reason: str) -> None:
        self.failure = self.failure or reason
        self.failed.set()

    async def _database_answers(self) -> None:
        """Return when the database answers or the process is to stop."""
        waits = [
            asyncio.create_task(self._resources.database.wait()),
            asyncio.create_task(self._resources.stopping.wait()),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()


async def _probe_loop(resources: Resources) -> None:
    """Measure how late the event loop runs its timers."""
    loop = asyncio.get_running_loop()
    while not resources.stopping.is_set():
        due = loop.time() + LAG_PROBE_SECONDS
        await asyncio.sleep(LAG_PROBE_SECONDS)
        resources.telemetry.loop_lag_seconds.observe(max(0.0, loop.time() - due))
