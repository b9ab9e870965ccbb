"""Which types of events have arrived from whom: how many, of which days, and when the last.

Counted in the transaction that folds a batch, each event once. A worker counts in rows of its
own, so that two of them never wait for each other. What arrived stays arrived: an event that
is voided later still tells that its source works.

An event belongs to the day that it says itself it is for (a cost's, an hour's), else to the
company's day of its time. Only the former is kept as a day: which day an instant lies on is for
the reader to say, whose time zone may have changed since.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, Final

import msgspec

from events import Connection
from metrics.engine.company import Company, day_number, instant_of, micros_of
from metrics.engine.entry import Entry

_ADD: Final = """
INSERT INTO arrivals AS a
    (type, source, shard, events, first_occurred_at, last_occurred_at, last_recorded_at,
     first_on, last_on)
SELECT * FROM unnest($1::text[], $2::text[], $3::int[], $4::bigint[], $5::timestamptz[],
                     $6::timestamptz[], $7::timestamptz[], $8::date[], $9::date[])
ON CONFLICT (type, source, shard) DO UPDATE
SET events = a.events + excluded.events,
    first_occurred_at = least(a.first_occurred_at, excluded.first_occurred_at),
    last_occurred_at = greatest(a.last_occurred_at, excluded.last_occurred_at),
    last_recorded_at = greatest(a.last_recorded_at, excluded.last_recorded_at),
    first_on = least(a.first_on, excluded.first_on),
    last_on = greatest(a.last_on, excluded.last_on)"""

_READ: Final = """
SELECT type, source, sum(events)::bigint, min(first_occurred_at), max(last_occurred_at),
       max(last_recorded_at), min(first_on), max(last_on)
FROM arrivals WHERE $1::text[] IS NULL OR type = ANY($1)
GROUP BY type, source ORDER BY type, source"""


class Arrivals(msgspec.Struct, frozen=True):
    """The events of one type from one source."""

    type: str
    source: str
    events: int
    first_occurred_at: datetime
    last_occurred_at: datetime
    last_recorded_at: datetime
    first_on: date | None = None
    """Of the days that these events say themselves they are for; None where they say none."""
    last_on: date | None = None

    def first_day(self, company: Company) -> int:
        """The first business day that something of it belongs to."""
        return _day(self.first_on, self.first_occurred_at, company)

    def last_day(self, company: Company) -> int:
        """The last one."""
        return _day(self.last_on, self.last_occurred_at, company)


def _day(stated: date | None, instant: datetime, company: Company) -> int:
    return company.day(micros_of(instant)) if stated is None else day_number(stated)


async def add(connection: Connection, entries: Iterable[Entry], *, shard: int) -> None:
    """Count the events of a batch."""
    rows = _rows(entries, shard)
    if rows:
        columns = [list(column) for column in zip(*rows, strict=True)]
        await connection.execute(_ADD, *columns)


async def read(connection: Connection, *, types: Sequence[str] | None = None) -> list[Arrivals]:
    """What arrived, of some types or of all, by type and source."""
    rows = await connection.fetch(_READ, None if types is None else list(types))
    return [Arrivals(*row) for row in rows]


def _rows(entries: Iterable[Entry], shard: int) -> list[tuple[Any, ...]]:
    """One row for each type and source, sorted: the order in which rows are locked."""
    batch: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        batch.setdefault((entry.data.wire_type, entry.source), []).append(entry)
    return [(*kind, shard, *_counted(of)) for kind, of in sorted(batch.items())]


def _counted(of: Sequence[Entry]) -> tuple[Any, ...]:
    stated = [on for entry in of if (on := entry.data.counts_on) is not None]
    return (
        len(of),
        instant_of(min(entry.occurred for entry in of)),
        instant_of(max(entry.occurred for entry in of)),
        instant_of(max(entry.recorded for entry in of)),
        min(stated, default=None),
        max(stated, default=None),
    )
