"""Telling a partner on its rejects topic what was refused, through the outbox."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from events import Connection, Event
from events.log import TopicPartition
from events.outbox import append_asyncpg
from events.topics import rejects_topic
from events.types.log import EventRejected
from gateway.ingress.results import Outcome

_SOURCE = "/tandem/gateway"


class Refused(NamedTuple):
    """A record that was refused, and where it stands."""

    where: TopicPartition
    offset: int
    outcome: Outcome


async def promise(
    connection: Connection,
    refused: Sequence[Refused],
    *,
    partner: str,
    at: datetime,
) -> None:
    """In the transaction that moves the position past the records."""
    events = [
        Event.of(
            _rejected(one),
            source=_SOURCE,
            sequence=1,
            occurred_at=at,
            recorded_at=at,
        )
        for one in refused
    ]
    await append_asyncpg(connection, events, topic=rejects_topic(partner))


def _rejected(refused: Refused) -> EventRejected:
    outcome = refused.outcome
    refusal, event = outcome.refusal, outcome.event
    assert refusal is not None
    return EventRejected(
        record_topic=refused.where.topic,
        partition=refused.where.partition,
        offset=refused.offset,
        verdict="conflict" if outcome.status == "conflict" else "rejected",
        field=_short(refusal.field, 500) or "",
        reason=_short(refusal.detail, 500) or "refused",
        mend=_short(refusal.hint, 500) or "",
        event_id=_short(event.id, 512),
        event_source=_short(event.source, 512),
        event_type=_short(event.type, 512),
    )


def _short(text: str | None, most: int) -> str | None:
    """A stranger's text as an event may carry it."""
    return None if text is None else text[:most].replace("\x00", "�")
