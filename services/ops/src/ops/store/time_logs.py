"""Time logs in the database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import func, tuple_
from sqlmodel import col, select

from chassis.work import Work
from ops.domain.change import Change
from ops.domain.time_log import MINUTES_OF_A_DAY, TimeLog
from ops.errors.entries import (
    DayOverfull,
    TimeLogNotFound,
)
from ops.errors.shared import (
    ExternalRefTaken,
)
from ops.store.changes import record
from ops.store.rows import hold, visible, write
from ops.tables import TimeLogRow

PersonDay = tuple[str, date]


@dataclass(frozen=True, kw_only=True)
class TimeLogFilter:
    """Which logs a list shows; None does not filter. `to` is excluded, `from` included."""

    person_id: str | None = None
    project_id: str | None = None
    team: str | None = None
    process: str | None = None
    external_ref: str | None = None
    worked_from: date | None = None
    worked_to: date | None = None


class TimeLogs:
    """The time logs that the actor of one unit of work may see."""

    def __init__(self, work: Work) -> None:
        self._work = work

    async def get(self, log_id: str, *, lock: bool = False) -> TimeLog:
        """Raises TimeLogNotFound. With `lock` nobody else changes it until the commit."""
        if lock:
            # Before the row, as imports do: two locks in two orders would deadlock.
            await hold(self._work, TimeLogRow)
        query = select(TimeLogRow).where(
            col(TimeLogRow.id) == log_id, visible(TimeLogRow, self._work.actor)
        )
        found = await self._work.session.exec(query.with_for_update() if lock else query)
        row = found.one_or_none()
        if row is None:
            raise TimeLogNotFound(log_id)
        return time_log_of(row)

    async def list(
        self, wanted: TimeLogFilter, *, before: tuple[date, str] | None, limit: int
    ) -> Sequence[TimeLog]:
        """The latest worked first."""
        query = select(TimeLogRow).where(visible(TimeLogRow, self._work.actor))
        for name in ("person_id", "project_id", "team", "process", "external_ref"):
            value = getattr(wanted, name)
            if value is not None:
                query = query.where(getattr(TimeLogRow, name) == value)
        if wanted.worked_from is not None:
            query = query.where(col(TimeLogRow.work_date) >= wanted.worked_from)
        if wanted.worked_to is not None:
            query = query.where(col(TimeLogRow.work_date) < wanted.worked_to)
        if before is not None:
            query = query.where(tuple_(col(TimeLogRow.work_date), col(TimeLogRow.id)) < before)
        order = (col(TimeLogRow.work_date).desc(), col(TimeLogRow.id).desc())
        rows = await self._work.session.exec(query.order_by(*order).limit(limit))
        return [time_log_of(row) for row in rows]

    async def add(self, change: Change) -> None:
        """A new log. Raises ExternalRefTaken, DayOverfull."""
        await hold(self._work, TimeLogRow)
        external_ref = change.after.external_ref
        if external_ref is not None and await self.by_refs([external_ref]):
            raise ExternalRefTaken(external_ref)
        await self.save(change)

    async def save(self, change: Change) -> None:
        """The log after the change, with its line and event. Raises DayOverfull."""
        entry = change.after
        assert isinstance(entry, TimeLog)
        day = (entry.person_id, entry.work_date)
        totals = await self.minutes_of([day])
        before = change.before
        refuse_overfull(totals, before if isinstance(before, TimeLog) else None, entry)
        await write(self._work, TimeLogRow, [row_of(entry)])
        await record(self._work, [change])

    async def by_refs(self, external_refs: Iterable[str]) -> dict[str, tuple[TimeLog, str | None]]:
        """Logs of any team, locked, with the digest of their last import, by external_ref."""
        found = await self._work.session.exec(
            select(TimeLogRow)
            .where(col(TimeLogRow.external_ref).in_(list(external_refs)))
            .order_by(col(TimeLogRow.id))
            .with_for_update()
        )
        return {
            row.external_ref: (time_log_of(row), row.import_digest)
            for row in found
            if row.external_ref
        }

    async def minutes_of(self, days: Iterable[PersonDay]) -> dict[PersonDay, int]:
        """What is logged already, of all teams, by person and day."""
        wanted = list(days)
        day = (col(TimeLogRow.person_id), col(TimeLogRow.work_date))
        totals = dict.fromkeys(wanted, 0)
        found = await self._work.session.exec(
            select(*day, func.sum(col(TimeLogRow.minutes)))
            .where(tuple_(*day).in_(wanted), col(TimeLogRow.taken_back_at).is_(None))
            .group_by(*day)
        )
        totals |= {(person_id, work_date): minutes for person_id, work_date, minutes in found}
        return totals


def refuse_overfull(totals: dict[PersonDay, int], before: TimeLog | None, after: TimeLog) -> None:
    """Count the change into the totals. Raises DayOverfull, and then leaves them as they were."""
    sums = dict(totals)
    if before is not None and before.taken_back_at is None:
        old = (before.person_id, before.work_date)
        sums[old] = sums.get(old, 0) - before.minutes
    day = (after.person_id, after.work_date)
    if after.taken_back_at is None:
        if sums[day] + after.minutes > MINUTES_OF_A_DAY:
            raise DayOverfull(after.work_date, logged=sums[day])
        sums[day] += after.minutes
    totals.update(sums)


def time_log_of(row: TimeLogRow) -> TimeLog:
    """The log that a row holds."""
    return TimeLog(**{name: getattr(row, name) for name in _AS_THEY_ARE})


def row_of(entry: TimeLog) -> Mapping[str, Any]:
    """The columns of a log, without its import digest."""
    return {name: getattr(entry, name) for name in _AS_THEY_ARE}


_AS_THEY_ARE = (
    "id",
    "version",
    "external_ref",
    "person_id",
    "work_date",
    "minutes",
    "team",
    "project_id",
    "process",
    "note",
    "changed_at",
    "taken_back_at",
)
"""Fields of a log that are columns of the same name and type."""
