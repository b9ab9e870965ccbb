"""Rows of the outbox that stand for a stretch of the inbox, unfolded into their events.

Partners' events are kept in the inbox for good; to write each of them to the outbox
as well, and delete it again, would only cost PostgreSQL as much once more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

import msgspec

from events.cloudevents.envelope import write_envelope
from events.cloudevents.kafka import structured_record
from events.errors import EventsError

if TYPE_CHECKING:
    import asyncpg

    from events.log import NewRecord

# `LATERAL … LIMIT` is a look in the index for each stretch, whatever the planner believes: for a
# join it may read all that partners ever sent.
UNFOLD: Final = """
SELECT w.id, w.topic, i.*
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::timestamptz[], $5::bigint[], $6::bigint[])
  AS w(id, topic, source, received_at, first, events)
CROSS JOIN LATERAL (
    SELECT position, event_id, source, type, subject, sequence, occurred_at, received_at, content,
           traceparent, extensions
    FROM inbox
    WHERE source = w.source AND received_at = w.received_at
      AND position >= w.first AND position < w.first + w.events
    ORDER BY position LIMIT w.events
) i"""

_decode: Final = msgspec.json.decode


class StretchIncomplete(EventsError):
    """The inbox lacks events that the outbox promises."""


async def unfold(
    connection: asyncpg.Connection[Any], rows: Sequence[asyncpg.Record]
) -> Mapping[int, list[NewRecord]]:
    """The records of each row, by its id. Raises StretchIncomplete."""
    events = {row["id"]: _decode(row["payload"])["events"] for row in rows}
    found = await connection.fetch(
        UNFOLD,
        list(events),
        [row["aggregatetype"] for row in rows],
        [row["source"] for row in rows],
        [row["recorded_at"] for row in rows],
        [row["aggregate_version"] for row in rows],
        list(events.values()),
    )
    records: dict[int, list[NewRecord]] = {identity: [] for identity in events}
    for row in sorted(found, key=itemgetter("position")):  # as a rule they are; nobody promises it
        records[row["id"]].append(_record(row))
    for row in rows:
        if len(records[row["id"]]) != events[row["id"]]:
            raise StretchIncomplete(
                f"the inbox has {len(records[row['id']])} of {events[row['id']]} events of"
                f" {row['source']} from position {row['aggregate_version']}",
                hint="somebody deleted events that were not published; restore them, or delete"
                f" row {row['id']} of the outbox and give them up",
            )
    return records


def _record(row: asyncpg.Record) -> NewRecord:
    _, topic, _, event_id, source, wire_type, subject, sequence, *rest = row
    occurred_at, received_at, content, traceparent, extensions = rest
    value = write_envelope(
        data=content.encode(),
        id=event_id,
        source=source,
        type=wire_type,
        subject=subject,
        sequence=sequence,
        time=occurred_at,
        recordedtime=received_at,
        traceparent=traceparent,
        extensions=_decode(extensions, type=dict[str, str]) if extensions else None,
    )
    return structured_record(value, topic=topic, subject=subject)
