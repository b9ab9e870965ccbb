"""Background tasks of a service: they all run, or the process ends.

Crash-only: a consumer that died silently would leave a service that answers from
views that no longer move. The launcher restarts what ended.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from chassis.db import first_line
from chassis.resources import Resources
from events.waiting import is_set_within

log = logging.getLogger(__name__)

BackgroundTask = Callable[[Resources], Coroutine[Any, Any, None]]
"""Runs until `resources.stopping` is set, then returns soon."""

STOP_SECONDS: Final = 1.5
"""What is left of the five seconds after requests had three to end."""
LAG_PROBE_SECONDS: Final = 0.5


class TaskKeeper:
    """Runs background tasks and notices when one ends that should not.

    They begin when `prepared` returns: with the database reachable and migrated.
    """

    def __init__(
        self, tasks: Sequence[BackgroundTask], *, prepared: Callable[[], Awaitable[None]]
    ) -> None:
        self._tasks = tasks
        self._prepared = prepared
        self.failed = asyncio.Event()
        self.failure: str | None = None

    @asynccontextmanager
    async def running(self, resources: Resources) -> AsyncIterator[None]:
        """Run the tasks inside the block; on leaving, tell them to stop and wait shortly."""
        tasks = [
            asyncio.create_task(self._kept(task, resources), name=_name(task))
            for task in (probe_loop, self._prepare, *self._tasks)
        ]
        try:
            yield
        finally:
            resources.stopping.set()
            _, late = await asyncio.wait(tasks, timeout=STOP_SECONDS)
            for one in late:
                log.warning("background task %s did not stop in time", one.get_name())
                one.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _prepare(self, resources: Resources) -> None:
        """Wait for the database, then for the end."""
        await _unless_stopping(self._prepared(), resources.stopping)
        resources.prepared.set()
        await resources.stopping.wait()

    async def _kept(self, task: BackgroundTask, resources: Resources) -> None:
        stopping = resources.stopping
        try:
            if task in self._tasks:
                await _unless_stopping(resources.prepared.wait(), stopping)
            if not stopping.is_set():
                await task(resources)
        except asyncio.CancelledError:
            # Only `running` cancels, after `stopping` is set. A library that lets a cancellation
            # of its own escape must not end a consumer without a word.
            if not stopping.is_set():
                self._fail(f"background task {_name(task)} was cancelled from within")
            raise
        except Exception as error:
            log.exception("background task %s died", _name(task))
            reason = f"{type(error).__name__}: {first_line(error)}"
            self._fail(f"background task {_name(task)} died: {reason}")
        else:
            if not stopping.is_set():
                self._fail(f"background task {_name(task)} returned although nobody told it to")

    def _fail(self, reason: str) -> None:
        self.failure = self.failure or reason
        self.failed.set()


async def probe_loop(resources: Resources) -> None:
    """Measure how late the event loop runs its timers."""
    loop = asyncio.get_running_loop()
    while not resources.stopping.is_set():
        due = loop.time() + LAG_PROBE_SECONDS
        await is_set_within(resources.stopping, LAG_PROBE_SECONDS)
        if not resources.stopping.is_set():
            resources.telemetry.loop_lag_seconds.observe(max(0.0, loop.time() - due))


async def _unless_stopping(work: Awaitable[object], stopping: asyncio.Event) -> None:
    """Wait for `work`, or give it up when the process is to stop."""
    working = asyncio.ensure_future(work)
    ending = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait((working, ending), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
    finally:
        working.cancel()
        ending.cancel()
        await asyncio.gather(working, ending, return_exceptions=True)


def _name(task: BackgroundTask) -> str:
    return getattr(task, "__name__", repr(task)).strip("_")
