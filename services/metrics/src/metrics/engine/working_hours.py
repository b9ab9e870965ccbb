"""Working hours: when somebody is there to answer, by the company's local clock."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

_WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_WRITTEN: Final = re.compile(
    r"(?P<first>[A-Z][a-z]{2})-(?P<last>[A-Z][a-z]{2})"
    r" (?P<opens>[0-2]\d:[0-5]\d)-(?P<closes>[0-2]\d:[0-5]\d)",
    re.ASCII,
)
_LONGEST_DAY: Final = 24 * 60
_MINUTE: Final = 60_000_000
"""Microseconds."""


@dataclass(frozen=True)
class WorkingHours:
    """The same hours, in minutes since midnight, on some days of every week (0 is Monday)."""

    weekdays: tuple[int, ...]
    opens: int
    closes: int

    def minutes_between(self, start: datetime, end: datetime) -> int:
        """Whole working minutes from one local time until another; never negative.

        By the clock on the wall: hours during which it is changed count as they read.
        """
        return max(0, self._worked_until(end) - self._worked_until(start)) // _MINUTE

    def _worked_until(self, local: datetime) -> int:
        """Working microseconds since the calendar's first day, which was a Monday."""
        weeks, weekday = divmod(local.toordinal() - 1, 7)
        days = weeks * len(self.weekdays) + sum(day < weekday for day in self.weekdays)
        length = (self.closes - self.opens) * _MINUTE
        today = 0
        if weekday in self.weekdays:
            minutes = local.hour * 60 + local.minute - self.opens
            now = minutes * _MINUTE + local.second * 1_000_000 + local.microsecond
            today = min(max(0, now), length)
        return days * length + today


def parse_working_hours(text: str) -> WorkingHours:
    """The hours written as Mon-Fri 09:00-18:00. Raises ValueError."""
    found = _WRITTEN.fullmatch(text)
    if found is None or not {found["first"], found["last"]} <= set(_WEEKDAYS):
        raise ValueError("is not working hours; write them as Mon-Fri 09:00-18:00")
    first, last = _WEEKDAYS.index(found["first"]), _WEEKDAYS.index(found["last"])
    # Weeks may begin on any day: Sun-Thu is five days.
    weekdays = tuple(sorted((first + n) % 7 for n in range((last - first) % 7 + 1)))
    opens, closes = _minutes(found["opens"]), _minutes(found["closes"])
    if not opens < closes <= _LONGEST_DAY:
        raise ValueError("closes before it opens; write working hours as Mon-Fri 09:00-18:00")
    return WorkingHours(weekdays, opens, closes)


def _minutes(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


USUAL: Final = parse_working_hours("Mon-Fri 09:00-18:00")
