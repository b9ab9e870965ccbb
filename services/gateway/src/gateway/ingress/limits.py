"""The limits of the settings as the terms of one moment: old and future move with the clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from events.partners import Terms
from gateway.settings import Settings


@dataclass(frozen=True, slots=True)
class Limits:
    """What the house takes of partners, through whichever door."""

    settings: Settings

    def at(self, now: datetime) -> Terms:
        """The terms for what arrives now."""
        settings = self.settings
        return Terms(
            events=settings.events_per_request,
            event_bytes=settings.event_bytes,
            levels=settings.event_levels,
            not_before=now - timedelta(days=settings.event_oldest_days),
            not_after=now + timedelta(seconds=settings.event_ahead_seconds),
        )
