"""Sending while the gateway is busy or away: the same again, after the time that it asks for."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from tandem.client import GatewayRefused, GatewayUnreachable

PATIENCE_SECONDS: Final = 300.0
"""How long a run waits for a gateway or service that is restarting."""
_LONGEST_PAUSE_SECONDS: Final = 60.0
_TRANSIENT: Final = frozenset((429, 502, 503, 504))


class Poster(Protocol):
    """What a run needs of the gateway."""

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """GET and return the answer's body."""

    def post(self, path: str, body: Any, *, content_type: str = "application/json") -> Any:
        """POST a JSON body and return the answer's body."""


class ProgressSink(Protocol):
    """Told how a run gets on."""

    def step_begun(self, collection: str, rows: int) -> None:
        """A step is about to send so many rows."""

    def rows_done(self, rows: int) -> None:
        """So many more rows of the step are settled."""

    def waiting(self, reason: str) -> None:
        """The run waits and tries again."""


@dataclass(frozen=True)
class PatientGateway:
    """The way to the gateway: whatever passes by itself is waited for, up to a time."""

    gateway: Poster
    progress: ProgressSink
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def get(self, path: str) -> Any:
        """The answer's body. Raises GatewayRefused, GatewayUnreachable."""
        return self.gateway.get(path)

    def deadline(self) -> float:
        """Until when a request that begins now is tried."""
        return self.clock() + PATIENCE_SECONDS

    def post(
        self, path: str, body: Any, *, until: float, content_type: str = "application/json"
    ) -> Any:
        """The answer's body. Raises GatewayRefused, GatewayUnreachable."""
        pause = 0.2
        while True:
            asked_for = 0.0
            try:
                return self.gateway.post(path, body, content_type=content_type)
            except GatewayUnreachable as error:
                if self.clock() >= until:
                    raise
                reason = str(error)
            except GatewayRefused as error:
                if error.status not in _TRANSIENT or self.clock() >= until:
                    raise
                reason = f"the gateway answered {error.status}"
                asked_for = min(error.retry_after_seconds, _LONGEST_PAUSE_SECONDS)
            self.progress.waiting(f"{reason}; trying again")
            self.sleep(max(pause, asked_for))
            pause = min(pause * 2, 5.0)
