"""One batch, one transaction: positions, handler, heads and parked records together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import asyncpg

from events.consumer.batch import Batch, Stretch
from events.consumer.claims import Claim, digest_of
from events.consumer.dead_letters import DeadLetters
from events.consumer.entry import Entry, settled
from events.consumer.folding import Folded
from events.consumer.heads import Unexpected
from events.consumer.plan import Plan
from events.consumer.positions import Advance, advance
from events.consumer.received import Connection, Handler, Received, Unprocessable
from events.consumer.store import ParkedRows
from events.consumer.versions import Versions
from events.errors import EventsError
from events.log import TopicPartition

_ROWS: Final = """
SELECT coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::bigint FROM pg_stat_xact_user_tables"""


class TooManyRejected(EventsError):
    """A limit on rejected records would be broken: the partition stops, nothing is committed."""

    def __init__(self, partition: TopicPartition, fact: str) -> None:
        super().__init__(fact, hint="mend the code or the producer, then restart this service")
        self.partition = partition


class Applier:
    """Applies batches for one consumer."""

    def __init__(
        self,
        *,
        consumer: str,
        handler: Handler,
        versions: Versions,
        parked: ParkedRows,
        dead_letters: DeadLetters,
        learned: Callable[[], None],
    ) -> None:
        """`learned` is called when a batch was undone and more is known of it than before."""
        self._consumer = consumer
        self._handler = handler
        self._versions = versions
        self._parked = parked
        self._dead_letters = dead_letters
        self._learned = learned

    async def apply(
        self, connection: Connection, batch: Batch | Folded, claims: Mapping[TopicPartition, Claim]
    ) -> Plan:
        """Do all of it or nothing.

        A refusal by the handler undoes everything, changes the plan, and the rest starts
        again. Raises Fenced, TooManyRejected, and whatever the handler raises that is
        not about one event. What is folded is refused as a whole: raises StandsOut.
        """
        if isinstance(batch, Folded):
            return await self._save(connection, batch, claims)
        while (plan := await self._attempt(connection, batch, claims)) is None:
            self._learned()
        self._versions.committed(plan)
        for where, ours in batch.entries.items():
            claims[where].limits.record(len(ours), _rejected(ours))
        return plan

    async def _save(
        self, connection: Connection, folded: Folded, claims: Mapping[TopicPartition, Claim]
    ) -> Plan:
        plan = Plan(folded=folded.applied, unknown=folded.unknown)
        async with connection.transaction():
            before = await rows_written(connection) if folded.is_sample else 0
            moves = [_move(where, claims[where], of) for where, of in folded.stretches.items()]
            await advance(connection, self._consumer, moves)
            await folded.save(connection)
            if folded.is_sample:
                plan.rows = await rows_written(connection) - before
        for where, stretch in folded.stretches.items():
            claims[where].limits.record(stretch.records, ())
        return plan

    async def _attempt(
        self, connection: Connection, batch: Batch, claims: Mapping[TopicPartition, Claim]
    ) -> Plan | None:
        """None when all was undone and the batch, which knows more now, is to be tried again."""
        plan = Plan()
        try:
            async with connection.transaction():
                before = await rows_written(connection) if batch.is_sample else 0
                # First of all: it takes the locks that keep others from the same records.
                await advance(connection, self._consumer, _moves(batch, claims))
                plan = await self._versions.plan(connection, batch)
                _check_limits(batch, claims)
                if received := _received(plan):
                    await self._handler(connection, received)
                plan.drop.extend(batch.now_readable)
                await self._versions.save(connection, batch, plan)
                await self._parked.save(connection, plan)
                await self._dead_letters.promise(connection, plan)
                if batch.is_sample:
                    plan.rows = await rows_written(connection) - before
        except Unexpected:
            return None
        except Unprocessable as refusal:
            _refuse(plan, refusal)
            return None
        except asyncpg.DataError as error:
            _refuse(plan, await self._culprit(connection, plan, error))
            return None
        return plan

    async def _culprit(
        self, connection: Connection, plan: Plan, error: asyncpg.DataError
    ) -> Unprocessable:
        """Whose value the database cannot take (NUL in text, a number out of range).

        It is that one event's fault: find it instead of trying the batch for ever. The events
        are halved until one is left, and those before it stay applied while the rest is tried,
        so it all costs no more than one batch. Raises the error when no event brings it about.
        """
        suspects = _received(plan)
        transaction = connection.transaction()
        await transaction.start()
        try:
            while suspects:
                tried = suspects[: (len(suspects) + 1) // 2]
                refusal = await self._refusal(connection, tried)
                if refusal is None:
                    suspects = suspects[len(tried) :]
                elif isinstance(refusal, Unprocessable):
                    return refusal
                elif len(tried) == 1:
                    return Unprocessable(tried[0], f"the database refuses a value: {refusal}")
                else:
                    suspects = tried
        finally:
            await transaction.rollback()
        raise error

    async def _refusal(
        self, connection: Connection, received: Sequence[Received]
    ) -> Unprocessable | asyncpg.DataError | None:
        """What is wrong with some of these events; if nothing is, their writes stay for now."""
        try:
            async with connection.transaction():
                await self._handler(connection, received)
        except (Unprocessable, asyncpg.DataError) as error:
            return error
        return None


async def rows_written(connection: Connection) -> int:
    """By this session until now, since some moment before the transaction: take differences."""
    rows: int = await connection.fetchval(_ROWS)
    return rows


def _received(plan: Plan) -> list[Received]:
    return [entry.received for entry in plan.apply if entry.received is not None]


def _check_limits(batch: Batch, claims: Mapping[TopicPartition, Claim]) -> None:
    for where, ours in batch.entries.items():
        broken = claims[where].limits.exceeded_by(len(ours), _rejected(ours))
        if broken is not None:
            raise TooManyRejected(where, broken)


def _moves(batch: Batch, claims: Mapping[TopicPartition, Claim]) -> list[Advance]:
    stretches = batch.stretches
    touched = dict.fromkeys([*stretches, *(entry.where for entry in batch.requested)])
    return [_move(where, claims[where], stretches.get(where)) for where in touched]


def _move(where: TopicPartition, claim: Claim, stretch: Stretch | None) -> Advance:
    """Without a stretch it moves nothing, and makes sure that nobody else has."""
    return Advance(
        partition=where,
        epoch=claim.epoch,
        start=claim.next_offset,
        next=claim.next_offset if stretch is None else stretch.last.offset + 1,
        digest=None if stretch is None else digest_of(stretch.last),
        watermark=claim.watermark,
    )


def _refuse(plan: Plan, refusal: Unprocessable) -> None:
    about = refusal.about
    place = _place(about) if isinstance(about, Received) else None
    for entry in plan.apply:
        received = entry.received
        assert received is not None
        if received.event is about or _place(received) == place:
            entry.error = settled(refusal)
            return
    raise RuntimeError(f"the handler refused what it was not given: {about}") from refusal


def _place(received: Received) -> tuple[str, int, int]:
    return received.topic, received.partition, received.offset


def _rejected(entries: Sequence[Entry]) -> list[int]:
    return [place for place, entry in enumerate(entries) if entry.error is not None]
