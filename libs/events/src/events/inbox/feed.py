"""Reading back what partners sent: by source, in the order in which it was filed.

A source's positions are given out under the lock of its row until the commit,
so whoever goes on after a position misses nothing that was filed meanwhile.
`received_at` never runs backwards within a source, and so serves as an index
for times as well as for the feed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from heapq import merge
from typing import Any, Final, Literal

import msgspec

from events.consumer.received import Connection

FiledAs = Literal["accepted", "conflict", "rejected"]
Places = dict[str, tuple[datetime, int]]
"""How far a reader is in each source: the last `received_at` and position that it has."""

BEGINNING: Final = (datetime(1, 1, 2, tzinfo=UTC), 0)
_MOST_SCANNED: Final = 2_000
"""Events of a source that one page looks at: a filter that matches little costs pages, not time."""


class Filed(msgspec.Struct, frozen=True, gc=False):
    """An event in the inbox. Refused ones have what could be read of them, and `problem`."""

    source: str
    position: int
    received_at: datetime
    verdict: FiledAs
    event_id: str | None
    type: str | None
    subject: str | None
    sequence: int | None
    replaces: str | None
    occurred_at: datetime | None
    content: str | None
    """The data as JSON; of a refused event what was sent, cut off."""
    traceparent: str | None
    extensions: str | None
    problem: str | None
    published: bool
    """Whether it has left the outbox, so that consumers can have it."""
    followed_by: str | None
    """The id of the next event about the same subject."""
    voided_by: str | None


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """What a reader asks for; None asks for all."""

    type: str | None = None
    subject: str | None = None
    verdict: FiledAs | None = None
    before: datetime | None = None
    """Received before this instant."""

    def passes(self, row: Any) -> bool:
        return (self.type is None or row["type"] == self.type) and (
            self.verdict is None or row["verdict"] == self.verdict
        )

    @property
    def is_selective(self) -> bool:
        return self.type is not None or self.verdict is not None


class FeedPage(msgspec.Struct, frozen=True):
    """Part of a feed; `more` says that the rest is there already."""

    events: Sequence[Filed]
    places: Places
    more: bool


class DayCount(msgspec.Struct, frozen=True):
    """Events of one type, verdict and day."""

    day: date | None
    source: str
    type: str | None
    verdict: str
    events: int


_FILED: Final = """
    i.source, i.position, i.received_at, i.verdict, i.event_id, i.type, i.subject, i.sequence,
    i.replaces, i.occurred_at, i.content, i.traceparent, i.extensions, i.problem,
    i.verdict = 'accepted' AND NOT EXISTS (
        SELECT FROM outbox o WHERE o.id = i.outbox_id) AS published,
    (SELECT n.event_id FROM inbox n WHERE n.source = i.source AND n.subject = i.subject
     AND n.sequence = i.sequence + 1) AS followed_by,
    (SELECT n.event_id FROM inbox n WHERE n.source = i.source AND n.subject = i.subject
     AND n.sequence > i.sequence AND n.voids = i.event_id LIMIT 1) AS voided_by"""

_PAGE: Final = f"""
SELECT f.*
FROM unnest($1::text[], $2::timestamptz[], $3::bigint[]) AS w(source, received_at, position)
CROSS JOIN LATERAL (
    SELECT {_FILED} FROM inbox i
    WHERE i.source = w.source AND (i.received_at, i.position) > (w.received_at, w.position)
      AND i.received_at < coalesce($4::timestamptz, 'infinity')
      AND ($5::text IS NULL OR i.subject = $5)
    ORDER BY i.received_at, i.position LIMIT $6
) f"""  # noqa: S608 - constants only

_ONE: Final = f"""
SELECT {_FILED} FROM inbox i WHERE i.source = ANY($1) AND i.event_id = $2
ORDER BY i.verdict = 'accepted' DESC, i.received_at DESC LIMIT 2"""  # noqa: S608

_DAYS: Final = """
SELECT {day} AS day, source, type, verdict, sum(events)::bigint
FROM inbox_days
WHERE source = ANY($1) AND ($2::date IS NULL OR {day} >= $2) AND ($3::date IS NULL OR {day} < $3)
  AND ($4::text IS NULL OR type = $4)
GROUP BY 1, 2, 3, 4 ORDER BY 1 NULLS FIRST, 2, 3, 4"""

_BEFORE: Final = """
WITH RECURSIVE halved(low, high) AS (
    SELECT min(received_at) - interval '1 us', max(received_at) + interval '1 us'
    FROM inbox WHERE source = $1
    UNION ALL
    SELECT CASE WHEN first.position < $2 THEN middle ELSE low END,
           CASE WHEN first.position < $2 THEN high ELSE middle END
    FROM halved
    CROSS JOIN LATERAL (SELECT low + (high - low) / 2 AS middle) m
    CROSS JOIN LATERAL (SELECT (
        SELECT position FROM inbox WHERE source = $1 AND received_at >= middle
        ORDER BY received_at, position LIMIT 1) AS position) first
    WHERE high - low > interval '1 us'
)
SELECT low FROM halved ORDER BY high - low LIMIT 1"""
"""Positions and times grow together, so the time of a position is found by halving: some fifty
looks into the feed's index, and no index of positions that every event would pay for.
"""

_DROP: Final = """
DELETE FROM inbox WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM inbox WHERE verdict <> 'accepted' AND received_at < $1 LIMIT 10000))"""


async def read_page(
    connection: Connection, places: Places, wanted: Filter, *, limit: int
) -> FeedPage:
    """The events after `places`, of the sources that it names, merged by time."""
    scanned = _MOST_SCANNED if wanted.is_selective else limit
    rows = await connection.fetch(
        _PAGE,
        list(places),
        [at for at, _ in places.values()],
        [position for _, position in places.values()],
        wanted.before,
        wanted.subject,
        scanned,
    )
    by_source: dict[str, list[Any]] = {}
    for row in rows:
        by_source.setdefault(row["source"], []).append(row)
    moved, events = dict(places), list[Filed]()
    left = len(rows)
    for row in _by_time(by_source):
        if len(events) == limit:
            break
        left -= 1
        moved[row["source"]] = (row["received_at"], row["position"])
        if wanted.passes(row):
            events.append(Filed(*row))
    full = any(len(of_source) == scanned for of_source in by_source.values())
    return FeedPage(events, moved, more=left > 0 or full)


async def place_before(connection: Connection, source: str, position: int) -> tuple[datetime, int]:
    """The place after which the event of this position, or the next one that is kept, comes."""
    at: datetime | None = await connection.fetchval(_BEFORE, source, position)
    return BEGINNING if at is None else (at, position - 1)


async def find(connection: Connection, sources: Sequence[str], event_id: str) -> list[Filed]:
    """The event of this id; two when several sources have one. Taken before refused."""
    rows = [Filed(*row) for row in await connection.fetch(_ONE, sources, event_id)]
    return rows if len({row.source for row in rows}) > 1 else rows[:1]


async def known_sources(connection: Connection) -> list[str]:
    """All sources that ever sent anything."""
    return [row[0] for row in await connection.fetch("SELECT source FROM inbox_sources ORDER BY 1")]


async def count_days(
    connection: Connection,
    sources: Sequence[str],
    *,
    by: Literal["occurred", "received"],
    first: date | None,
    end: date | None,
    type: str | None,  # noqa: A002 - the CloudEvents name
) -> list[DayCount]:
    """Events per day, type and verdict, without reading the events."""
    statement = _DAYS.format(day=f"{by}_on")
    rows = await connection.fetch(statement, sources, first, end, type)
    return [DayCount(*row) for row in rows]


async def drop_refused(connection: Connection, *, before: datetime) -> int:
    """Forget refused events received before; at most 10,000, so that it is over soon."""
    status = await connection.execute(_DROP, before)
    return int(status.rpartition(" ")[2])


def _by_time(by_source: Mapping[str, Iterable[Any]]) -> Iterable[Any]:
    """Each source in its own order, the sources among each other by time."""
    return merge(*by_source.values(), key=lambda row: row["received_at"])
