"""Time that a person worked, on a project or in a process.

Invariant: every change adds one to `version` and causes exactly one event; what
was taken back never changes again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final

from events.types.ops import TimeLogged
from ops.errors.entries import (
    TimeLogAlreadyTakenBack,
    WorkedForNothing,
    WorkedInFuture,
)
from ops.errors.projects import (
    OccurredBeforeLastChange,
)

MINUTES_OF_A_DAY: Final = 1440


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeLog:
    """Minutes of one person on one day."""

    id: str
    person_id: str
    work_date: date
    minutes: int
    changed_at: datetime
    version: int = 1
    external_ref: str | None = None
    team: str | None = None
    project_id: str | None = None
    process: str | None = None
    note: str | None = None
    taken_back_at: datetime | None = None

    @classmethod
    def log(cls, *, at: datetime, today: date, **details: Any) -> tuple[TimeLog, TimeLogged]:
        """Enter working time. `today` is the company's day."""
        entry = cls(changed_at=at, **details)
        _check(entry, today)
        return entry, entry.told()

    def correct(
        self, *, at: datetime, today: date, **changes: Any
    ) -> tuple[TimeLog, TimeLogged | None]:
        """Replace what was entered; the same again changes nothing."""
        if all(getattr(self, name) == value for name, value in changes.items()):
            return self, None
        corrected = self._next(at=at, **changes)
        _check(corrected, today)
        return corrected, corrected.told()

    def take_back(self, *, at: datetime) -> tuple[TimeLog, TimeLogged]:
        """It was not worked after all: it counts nowhere."""
        gone = self._next(at=at, taken_back_at=at)
        return gone, gone.told()

    def _next(self, *, at: datetime, **changes: Any) -> TimeLog:
        if self.taken_back_at is not None:
            raise TimeLogAlreadyTakenBack
        if at < self.changed_at:
            raise OccurredBeforeLastChange(self.changed_at)
        return replace(self, version=self.version + 1, changed_at=at, **changes)

    def told(self) -> TimeLogged:
        """What others hear of the log; what was taken back has no minutes."""
        return TimeLogged(
            log_id=self.id,
            person_id=self.person_id,
            work_date=self.work_date,
            minutes=None if self.taken_back_at else self.minutes,
            team=self.team,
            project_id=self.project_id,
            process=self.process,
        )


def _check(entry: TimeLog, today: date) -> None:
    if (entry.project_id is None) == (entry.process is None):
        raise WorkedForNothing
    if entry.work_date > today:
        raise WorkedInFuture(entry.work_date, today)
