"""Telling the world what was parked: an event on `<topic>-dlq`, through the outbox."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from events.consumer.entry import GAP, HELD, Entry
from events.consumer.plan import Plan
from events.consumer.received import Connection
from events.consumer.store import explain
from events.errors import TopicMissing
from events.event import Event
from events.log import Log
from events.outbox import MAX_EVENT_BYTES, append_asyncpg
from events.types.log import RecordParked

_MOST_WRAPPED: Final = MAX_EVENT_BYTES // 2


class DeadLetters:
    """Promises dead letters where the database has an outbox and the log the topic."""

    def __init__(self, consumer: str, *, topics: frozenset[str]) -> None:
        self._consumer = consumer
        self._topics = topics

    @classmethod
    async def find(
        cls, connection: Connection, log: Log, *, consumer: str, topics: Sequence[str]
    ) -> DeadLetters:
        """Which of the topics have a dead-letter topic that this service can publish to."""
        if not await connection.fetchval("SELECT to_regclass('outbox') IS NOT NULL"):
            return cls(consumer, topics=frozenset())
        found = []
        for topic in topics:
            try:
                await log.partitions([f"{topic}-dlq"])
            except TopicMissing:
                continue
            found.append(topic)
        return cls(consumer, topics=frozenset(found))

    async def promise(self, connection: Connection, plan: Plan) -> None:
        """In the transaction that parks."""
        letters: dict[str, list[Event]] = {}
        for entry, reason in (*plan.park, *plan.repark):
            if reason not in {GAP, HELD} and entry.where.topic in self._topics:
                letters.setdefault(entry.where.topic, []).append(self._letter(entry, reason))
        for topic, events in letters.items():
            await append_asyncpg(connection, events, topic=f"{topic}-dlq")

    def _letter(self, entry: Entry, reason: str) -> Event:
        record, event, now = entry.record, entry.event, datetime.now(UTC)
        detail, hint = explain(entry, reason)
        value = record.value
        data = RecordParked(
            consumer=self._consumer,
            record_topic=entry.where.topic,
            partition=entry.where.partition,
            offset=record.offset,
            reason=reason,
            detail=detail[:500],
            hint=hint[:500],
            event_id=event.id if event else None,
            event_type=event.type if event else None,
            key=b64encode(record.key).decode() if record.key else None,
            value=b64encode(value).decode() if value and len(value) <= _MOST_WRAPPED else None,
        )
        return Event.of(
            data,
            source=f"/tandem/{self._consumer}",
            sequence=1 + (entry.parked.attempts if entry.parked else 0),
            occurred_at=now,
            recorded_at=now,
        )
