"""Ends a process that is alive and gets nothing done.

It is a thread, so that an event loop that stands still counts as well.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Final, Self

_TICK_SECONDS: Final = 1.0


class Watchdog(AbstractContextManager["Watchdog"]):
    """Calls `end` once when a part has told of no progress for too long.

    A part tells by `progress` whenever it has moved something, or has seen that
    there is nothing to move. Time is counted in ticks of the thread itself: a
    process that was stopped and goes on later is not called stuck for that.
    """

    def __init__(
        self, *, seconds: float, end: Callable[[str], None], tick_seconds: float = _TICK_SECONDS
    ) -> None:
        """`end` is called in the watchdog's thread, with what to say; it should end the process."""
        self._limit = max(1, round(seconds / tick_seconds))
        self._seconds = seconds
        self._tick = tick_seconds
        self._end = end
        self._silent_ticks: dict[str, int] = {}
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def progress(self, part: str) -> None:
        """Say that a part moved something, or has nothing to move."""
        self._silent_ticks[part] = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._closed.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._closed.wait(self._tick):
            for part in list(self._silent_ticks):
                self._silent_ticks[part] += 1
                if self._silent_ticks[part] >= self._limit:
                    self._end(f"{part} made no progress for {self._seconds:.0f} s")
                    return
