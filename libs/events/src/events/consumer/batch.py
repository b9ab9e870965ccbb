"""One batch, one transaction: positions, handler, heads and parked records together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import asyncpg
import msgspec

from events.consumer import store
from events.consumer.claims import Claim, digest_of
from events.consumer.dead_letters import DeadLetters
from events.consumer.plan import Entry, Head, Key, Plan, make_plan, settled
from events.consumer.received import Connection, Handler
from events.errors import EventsError, Unprocessable
from events.log import Record, TopicPartition

_PATIENCE: Final = "SELECT set_config('idle_in_transaction_session_timeout', $1, true)"


class TooManyRejected(EventsError):
    """A limit on rejected records would be broken: the partition stops, nothing is committed."""

    def __init__(self, partition: TopicPartition, fact: str) -> None:
        super().__init__(fact, hint="mend the code or the producer, then restart this service")
        self.partition = partition


class Batch(msgspec.Struct, eq=False):
    """What is applied at once: records read, and parked ones that somebody asked about."""

    records: Mapping[TopicPartition, Sequence[Record]]
    requested: Sequence[Entry] = ()
    entries: dict[TopicPartition, list[Entry]] = {}

    def decode(self) -> list[Entry]:
        """All entries of the log, in its order."""
        self.entries = {
            where: [store.read_entry(record) for record in records]
            for where, records in self.records.items()
        }
        return [entry for entries in self.entries.values() for entry in entries]


class Applier:
    """Applies batches for one consumer."""

    def __init__(
        self,
        *,
        consumer: str,
        handler: Handler,
        dead_letters: DeadLetters,
        patience_seconds: float,
    ) -> None:
        self._patience_seconds = patience_seconds
        self._consumer = consumer
        self._handler = handler
        self._dead_letters = dead_letters

    async def apply(
        self, connection: Connection, batch: Batch, claims: Mapping[TopicPartition, Claim]
    ) -> Plan:
        """Do all of it or nothing.

        Raises Fenced, TooManyRejected, and whatever the handler raises that is
        not about one event.
        """
        async with connection.transaction():
            # The next statement locks the positions. Should this process be paused meanwhile, the
            # server ends its transaction, so that another can take over.
            await connection.execute(_PATIENCE, str(int(self._patience_seconds * 1000)))
            await store.advance(connection, self._consumer, _moves(batch, claims))
            entries = batch.decode()
            before, unkeyed = await self._load(connection, batch, entries)
            now_readable = _as_new(unkeyed)
            plan = await self._handle(
                connection, batch, before=before, entries=unkeyed + entries, claims=claims
            )
            plan.drop.extend(now_readable)
            await store.save(connection, self._consumer, plan, before=before)
            await self._dead_letters.promise(connection, plan)
        for where, ours in batch.entries.items():
            claims[where].limits.record(len(ours), _rejected(ours))
        return plan

    async def _load(
        self, connection: Connection, batch: Batch, entries: Sequence[Entry]
    ) -> tuple[dict[Key, Head], list[Entry]]:
        keys: dict[Key, None] = {}
        for entry in (*batch.requested, *entries):
            if entry.event is not None:
                keys[entry.event.source, entry.event.subject] = None
        before = await store.load_heads(connection, self._consumer, keys)
        known = {
            entry.parked.id
            for head in before.values()
            for entry in head.waiting.values()
            if entry.parked is not None
        }
        unkeyed = [e for e in batch.requested if e.parked and e.parked.id not in known]
        return before, unkeyed

    async def _handle(
        self,
        connection: Connection,
        batch: Batch,
        *,
        before: Mapping[Key, Head],
        entries: Sequence[Entry],
        claims: Mapping[TopicPartition, Claim],
    ) -> Plan:
        """Plan and run the handler; every refusal changes the plan, and the rest runs again."""
        requested = {
            (entry.event.source, entry.event.subject): None
            for entry in batch.requested
            if entry.event is not None
        }
        while True:
            plan = make_plan(entries, before, requested=requested)
            for where, ours in batch.entries.items():
                broken = claims[where].limits.exceeded_by(len(ours), _rejected(ours))
                if broken is not None:
                    raise TooManyRejected(where, broken)
            try:
                async with connection.transaction():
                    await self._run(connection, plan)
            except Unprocessable as refusal:
                _refuse(plan, refusal)
            else:
                return plan

    async def _run(self, connection: Connection, plan: Plan) -> None:
        received = [entry.received for entry in plan.apply if entry.received is not None]
        if not received:
            return
        try:
            async with connection.transaction():
                await self._handler(connection, received)
        except asyncpg.DataError as error:
            # The database cannot take a value (NUL in text, a number out of range): that is
            # one event's fault, so find it instead of trying the batch for ever.
            for one in received:
                try:
                    await self._handler(connection, [one])
                except asyncpg.DataError as its:
                    raise Unprocessable(one, f"the database refuses a value: {its}") from its
            raise error from None


def _as_new(unkeyed: Sequence[Entry]) -> list[int]:
    """Released records that had no readable key when they were parked, and have one now.

    They go through the plan as if they came just now; returns their old rows.
    """
    rows = []
    for entry in unkeyed:
        parked = entry.parked
        if entry.event is not None and parked is not None and parked.requested == "release":
            rows.append(parked.id)
            entry.parked = None
    return rows


def _moves(batch: Batch, claims: Mapping[TopicPartition, Claim]) -> list[store.Advance]:
    moves = []
    touched = dict.fromkeys(batch.records)
    for entry in batch.requested:
        touched[TopicPartition(entry.record.topic, entry.record.partition)] = None
    for where in touched:
        claim, records = claims[where], batch.records.get(where, ())
        last = records[-1] if records else None
        moves.append(
            store.Advance(
                partition=where,
                epoch=claim.epoch,
                start=claim.next_offset,
                next=claim.next_offset if last is None else last.offset + 1,
                digest=None if last is None else digest_of(last),
                watermark=claim.watermark,
            )
        )
    return moves


def _refuse(plan: Plan, refusal: Unprocessable) -> None:
    about = refusal.received
    for entry in plan.apply:
        received = entry.received
        if received is about or (
            received is not None
            and (received.topic, received.partition, received.offset)
            == (about.topic, about.partition, about.offset)
        ):
            entry.error = settled(refusal)
            return
    raise RuntimeError(
        f"the handler refused {about.topic}/{about.partition}/{about.offset}, which is not its"
    ) from refusal


def _rejected(entries: Sequence[Entry]) -> list[int]:
    return [place for place, entry in enumerate(entries) if entry.error is not None]
