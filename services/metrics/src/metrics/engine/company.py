"""What the company fixes for all KPIs: time zone, base currency, working hours, fiscal year.

Invariant: an instant belongs to exactly one business day. All of these settings are
kept with a generation of cells; to change one is to rebuild.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from metrics.engine.working_hours import USUAL, WorkingHours

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
SECOND: Final = 1_000_000
"""Microseconds of a second."""
DAY: Final = 86_400 * SECOND
"""Microseconds of 24 hours; conversion windows count elapsed time, not local days."""


class Company:
    """Turns instants into business days, and amounts into base currency."""

    def __init__(
        self,
        *,
        time_zone: str,
        base_currency: str,
        working_hours: WorkingHours = USUAL,
        first_month: int = 1,
    ) -> None:
        self.time_zone = time_zone
        self.base_currency = base_currency
        self.working_hours = working_hours
        self.first_month = first_month
        self._zone = ZoneInfo(time_zone)
        self.day = lru_cache(maxsize=65_536)(self._day)
        self.start_of = lru_cache(maxsize=4_096)(self._start_of)

    def working_minutes(self, start: int, end: int) -> int:
        """Working minutes between two instants."""
        local = (instant_of(micros).astimezone(self._zone) for micros in (start, end))
        return self.working_hours.minutes_between(*local)

    def _day(self, micros: int) -> int:
        """Number of the business day of an instant (days since 1970-01-01)."""
        local = datetime.fromtimestamp(micros // SECOND, self._zone)
        return local.toordinal() - _EPOCH_ORDINAL

    def _start_of(self, day: int) -> int:
        """The instant at which a business day begins, microseconds."""
        on = date_of(day)
        midnight = datetime(on.year, on.month, on.day, tzinfo=self._zone)
        return micros_of(midnight.astimezone(UTC))


def micros_of(instant: datetime) -> int:
    """Microseconds since 1970, exact (a float of seconds would round)."""
    since = instant - _EPOCH
    return (since.days * 86_400 + since.seconds) * SECOND + since.microseconds


def instant_of(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)


def day_number(day: date) -> int:
    return day.toordinal() - _EPOCH_ORDINAL


def date_of(day: int) -> date:
    return date.fromordinal(day + _EPOCH_ORDINAL)
