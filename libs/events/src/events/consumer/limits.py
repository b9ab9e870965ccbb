"""When rejecting has become the incident itself: then the partition stops.

A bad deployment must not drain a topic into the parked records. Only records
that are at fault count, not those that wait behind them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from events.consumer.settings import ConsumerSettings


class RejectionLimits:
    """The recent past of one partition, since this process claimed it."""

    def __init__(self, settings: ConsumerSettings) -> None:
        self._window = settings.parked_window
        self._most = int(settings.parked_window * settings.parked_ratio_limit)
        self._most_in_row = settings.parked_consecutive_limit
        self._seen = 0
        self._rejected: deque[int] = deque()
        self._in_row = 0

    def exceeded_by(self, records: int, rejected: Iterable[int]) -> str | None:
        """Which limit a batch would break, if any; `rejected` are places in the batch, sorted."""
        recent = [at for at in self._rejected if at > self._seen + records - self._window]
        row, next_place = self._in_row, 0
        for place in rejected:
            row = row + 1 if place == next_place else 1
            next_place = place + 1
            recent.append(self._seen + place)
            if row > self._most_in_row:
                return f"more than {self._most_in_row} records in a row were rejected"
            if len(recent) > self._most:
                return f"more than {self._most} of the last {self._window} records were rejected"
        return None

    def record(self, records: int, rejected: Iterable[int]) -> None:
        """The batch was committed."""
        next_place = 0
        for place in rejected:
            self._in_row = self._in_row + 1 if place == next_place else 1
            next_place = place + 1
            self._rejected.append(self._seen + place)
        if next_place < records:
            self._in_row = 0
        self._seen += records
        while self._rejected and self._rejected[0] <= self._seen - self._window:
            self._rejected.popleft()
