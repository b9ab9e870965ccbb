"""Taking events: judge each, make the good ones durable, and file the others with their reasons.

Invariant: an event is called accepted only after the statement that holds its
inbox row, its sequence and its outbox row has committed. Refusals are filed
after that, in a statement of their own: losing one costs a line of a list, and
its sender, who gets no answer then, sends again.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Final

import asyncpg

from chassis.errors import Refusal
from chassis.problems import members_of
from events import Connection
from events.inbox import Newcomers, Receipt, Refused, file_refused, receive
from events.partners import Incoming, Rejected
from gateway.ingress.results import Outcome, SourceNotYours, TypeNotYours, not_valid, outcome_of

_ATTEMPTS: Final = 2
"""Without a lock; then in a transaction, which waits for its turn and is not late again."""

RACED: Final = (
    asyncpg.UniqueViolationError,
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
)


def judge(
    events: Sequence[Incoming | Rejected],
    sources: Collection[str],
    *,
    types: Collection[str] | None = None,
) -> list[Outcome | None]:
    """The refusals that need no database; None for what may be taken.

    `types` are the only ones that the sender may send; None is all of partners'.
    """
    return [
        None
        if type(event) is Incoming
        and event.source in sources
        and (types is None or event.type in types)
        else _refused_at_once(event, sources, types)
        for event in events
    ]


async def take(
    connection: Connection,
    events: Sequence[Incoming],
    *,
    received_at: datetime,
    zone: str,
) -> list[Outcome]:
    """One outcome for each event that `judge` let pass, in order."""
    return _outcomes(events, await receive(connection, events, received_at=received_at, zone=zone))


async def take_durably(
    connection: Connection,
    events: Sequence[Incoming],
    *,
    received_at: datetime,
    zone: str,
    presumed_new: bool,
    newcomers: Newcomers,
) -> list[Outcome]:
    """`take` in a transaction of its own; what is accepted is durable when this returns."""
    if presumed_new:
        with suppress(*RACED):
            receipts = await receive(
                connection, events, received_at=received_at, zone=zone, presumed_new=True
            )
            return _outcomes(events, receipts)
    receipts = await _look_and_receive(connection, events, received_at=received_at, zone=zone)
    newcomers.learn(events, receipts)
    return _outcomes(events, receipts)


async def _look_and_receive(
    connection: Connection, events: Sequence[Incoming], *, received_at: datetime, zone: str
) -> list[Receipt]:
    for _ in range(_ATTEMPTS):
        with suppress(*RACED):
            return await receive(connection, events, received_at=received_at, zone=zone)
    async with connection.transaction():
        return await receive(connection, events, received_at=received_at, zone=zone)


def _outcomes(events: Sequence[Incoming], receipts: Sequence[Receipt]) -> list[Outcome]:
    return [outcome_of(event, receipt) for event, receipt in zip(events, receipts, strict=True)]


async def file(
    connection: Connection,
    outcomes: Sequence[Outcome],
    sources: Collection[str],
    *,
    received_at: datetime,
    zone: str,
) -> None:
    """Keep the refusals for their sender to read, under a source that is its own."""
    refused = [
        _refused(outcome.event, outcome.refusal, outcome=outcome, sources=sources)
        for outcome in outcomes
        if outcome.refusal is not None
    ]
    if refused and sources:
        await file_refused(connection, refused, received_at=received_at, zone=zone)


def _refused_at_once(
    event: Incoming | Rejected, sources: Collection[str], types: Collection[str] | None
) -> Outcome:
    if isinstance(event, Rejected):
        return Outcome(event, "rejected", refusal=not_valid(event))
    if types is not None and event.source in sources:
        unsent = TypeNotYours(
            "the sender's key is not for this type of event",
            field="type",
            hint=f"it is for {', '.join(sorted(types))}; ask for a key that has this one, too",
        )
        return Outcome(event, "rejected", refusal=unsent)
    allowed = ", ".join(sorted(sources))
    refusal = SourceNotYours(
        "the sender does not speak for this source",
        field="source",
        hint=f"use one of {allowed}" if allowed else "ask for a key or token that has sources",
    )
    return Outcome(event, "rejected", refusal=refusal)


def _refused(
    event: Incoming | Rejected, refusal: Refusal, *, outcome: Outcome, sources: Collection[str]
) -> Refused:
    source = event.source
    return Refused(
        source=source if source is not None and source in sources else min(sources, default=""),
        verdict="conflict" if outcome.status == "conflict" else "rejected",
        problem=members_of(refusal),
        content=event.content if isinstance(event, Rejected) else event.payload,
        id=event.id,
        type=event.type,
        time=event.time,
    )
