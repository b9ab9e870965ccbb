"""How current the figures are: the watermark of metrics, as last heard, and whether we hear it.

Invariant: the watermark never runs ahead of what metrics said of itself.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from chassis.clock import Clock
from events.types.kpi import KpiChanged
from gateway.proxy.transport import Answer

WATERMARK_HEADER: Final = b"tandem-watermark"
LAG_HEADER: Final = b"tandem-lag-seconds"


class Freshness:
    """Everything up to the watermark is in the figures."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._told: datetime | None = None
        self._by_writer: dict[str, datetime | None] = {}
        self.is_heard = False
        """Whether the topic of changes is being read; without it nothing in memory is safe."""

    @property
    def watermark(self) -> datetime | None:
        """None while metrics has said nothing yet, or one of its writers knows no watermark."""
        writers = list(self._by_writer.values())
        known = [mark for mark in writers if mark is not None]
        heard = min(known) if known and len(known) == len(writers) else None
        if heard is None or (self._told is not None and self._told > heard):
            return self._told
        return heard

    def note_change(self, event: KpiChanged) -> None:
        """A writer told its own watermark with what it changed."""
        self._by_writer[event.writer] = event.watermark

    def note_answer(self, answer: Answer) -> None:
        """An answer of metrics carries the watermark over all writers, as it was just read."""
        raw = answer.header(WATERMARK_HEADER)
        if raw is None:
            return
        try:
            told = datetime.fromisoformat(raw.decode("latin-1")).astimezone(UTC)
        except ValueError:
            return
        self._told = told
        # A writer that is behind what metrics just told is gone, or will be heard again.
        self._by_writer = {
            writer: mark
            for writer, mark in self._by_writer.items()
            if mark is not None and mark >= told
        }

    def headers(self) -> list[tuple[bytes, bytes]]:
        """The watermark and its lag now, for an answer's headers."""
        mark = self.watermark
        if mark is None:
            return []
        lag = max(0.0, (self._clock.now() - mark).total_seconds())
        text = mark.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return [(WATERMARK_HEADER, text.encode()), (LAG_HEADER, b"%.1f" % lag)]
