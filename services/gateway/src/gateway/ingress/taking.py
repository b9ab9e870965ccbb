"""Taking a request's events: judge each, then make the good ones durable together.

Invariant: an event is called accepted only after the transaction that holds its
inbox row, its sequence and its outbox row has committed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import asyncpg

from chassis.auth.actor import Actor
from chassis.errors import Refusal
from chassis.resources import Resources
from events import Connection
from events.cloudevents import Rejected
from events.inbox import Incoming, Receipt, receive
from gateway.ingress.results import (
    EventIdReused,
    EventResult,
    SourceNotYours,
    VoidedEventUnknown,
    not_valid,
    refused,
)

_ATTEMPTS: Final = 5
"""Requests with the same ids at the same moment collide; tried again, the later has duplicates."""

_RACED: Final = (
    asyncpg.UniqueViolationError,
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
)

_BEFORE: Final = """
SELECT asked.n, earlier.event_id
FROM unnest($1::text[], $2::text[], $3::bigint[])
  WITH ORDINALITY AS asked(source, subject, sequence, n)
JOIN inbox AS earlier
  ON earlier.source = asked.source AND earlier.subject = asked.subject
 AND earlier.sequence = asked.sequence - 1
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one event: its result, and the refusal behind it if there was one."""

    result: EventResult
    refusal: Refusal | None = None

    @classmethod
    def refused(cls, event_id: str | None, refusal: Refusal) -> Outcome:
        return cls(refused(event_id, refusal), refusal)


async def take(
    read: Sequence[Incoming | Rejected], actor: Actor, resources: Resources
) -> list[Outcome]:
    """One outcome for each event, in order; what is accepted is durable when this returns."""
    outcomes: dict[int, Outcome] = {}
    good: list[tuple[int, Incoming]] = []
    for index, event in enumerate(read):
        if isinstance(event, Rejected):
            outcomes[index] = Outcome.refused(event.id, not_valid(event))
        elif (refusal := _refusal(event, actor)) is not None:
            outcomes[index] = Outcome.refused(event.id, refusal)
        else:
            good.append((index, event))
    if good:
        taken = await _store([event for _, event in good], resources)
        outcomes.update(zip((index for index, _ in good), taken, strict=True))
    return [outcomes[index] for index in range(len(read))]


def _refusal(event: Incoming, actor: Actor) -> Refusal | None:
    if event.source in actor.sources:
        return None
    sources = ", ".join(sorted(actor.sources))
    return SourceNotYours(
        "the token does not speak for this source",
        field="source",
        hint=f"use one of {sources}" if sources else "ask for a token with the claim `sources`",
    )


async def _store(events: Sequence[Incoming], resources: Resources) -> list[Outcome]:
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            async with resources.database.pool.acquire() as connection, connection.transaction():
                receipts = await receive(connection, events, received_at=resources.clock.now())
                earlier = await _earlier(connection, events, receipts)
        except _RACED:
            if attempt == _ATTEMPTS:
                raise
            continue
        return [
            _outcome(event, receipt, earlier.get(index))
            for index, (event, receipt) in enumerate(zip(events, receipts, strict=True))
        ]
    raise AssertionError("unreachable: the last attempt returns or raises")


async def _earlier(
    connection: Connection, events: Sequence[Incoming], receipts: Sequence[Receipt]
) -> dict[int, str]:
    """For each event that is not the first of its subject, the id of the one before it."""
    later = [
        (index, event.source, receipt.subject, receipt.sequence)
        for index, (event, receipt) in enumerate(zip(events, receipts, strict=True))
        if receipt.verdict in {"accepted", "duplicate"} and (receipt.sequence or 0) > 1
    ]
    if not later:
        return {}
    indexes, *columns = zip(*later, strict=True)
    rows = await connection.fetch(_BEFORE, *(list(column) for column in columns))
    return {indexes[row["n"] - 1]: row["event_id"] for row in rows}


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")


def _outcome(event: Incoming, receipt: Receipt, earlier: str | None) -> Outcome:
    match receipt.verdict:
        case "conflict":
            return Outcome.refused(
                event.id,
                EventIdReused(
                    "an event with this id and other content was taken before",
                    field="id",
                    hint="give a correction a new id: about the same subject it replaces the first",
                    first_received_at=_text(receipt.received_at),
                ),
            )
        case "unknown_event":
            return Outcome.refused(
                event.id,
                VoidedEventUnknown(
                    "this source sent no event with this id",
                    field="data.event_id",
                    hint="send the event first, or name the CloudEvents id that it had",
                ),
            )
    return Outcome(
        EventResult(
            id=event.id,
            status=receipt.verdict,
            subject=receipt.subject,
            sequence=receipt.sequence,
            replaces=earlier,
            received_at=receipt.received_at,
        )
    )
