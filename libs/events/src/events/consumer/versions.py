"""Who tells copies and gaps: the consumer, by a row for each aggregate, or its handler.

Either way a batch is planned and saved in the transaction that moves the positions.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from typing import Final, Protocol

from events.consumer.batch import Batch
from events.consumer.entry import Entry, Key
from events.consumer.heads import load_heads, move_heads, move_heads_from
from events.consumer.order import plan_in_order
from events.consumer.plan import Plan, expect, make_plan
from events.consumer.received import Connection
from events.consumer.store import ParkedRows
from events.log import TopicPartition

_OVERDUE_SECONDS: Final = 30.0


class Versions(Protocol):
    """One of the two policies, for one consumer."""

    async def claimed(self, connection: Connection) -> None:
        """The claims have changed: what is remembered is void."""

    async def overdue(
        self, connection: Connection, partitions: Sequence[TopicPartition]
    ) -> list[Entry]:
        """Parked records that should be taken up though nobody asked for it."""

    async def plan(self, connection: Connection, batch: Batch) -> Plan:
        """What to do with the batch. Raises Unexpected to be asked again in a new transaction."""

    async def save(self, connection: Connection, batch: Batch, plan: Plan) -> None:
        """Write what the plan changes about keys; the handler has run."""

    def committed(self, plan: Plan) -> None:
        """The transaction stands."""


class VersionsByConsumer:
    """The last sequence of each (source, subject) is kept in `consumer_heads`.

    A batch that is simply what comes next needs no heads to be read: they are moved
    on condition that they stand just before it, and if all of them did, it was.
    Otherwise the batch starts again with its heads read.
    """

    def __init__(self, consumer: str, parked: ParkedRows) -> None:
        self._consumer = consumer
        self._parked = parked

    async def claimed(self, connection: Connection) -> None:
        """Nothing is remembered."""

    async def overdue(
        self,
        connection: Connection,  # noqa: ARG002 - the protocol's
        partitions: Sequence[TopicPartition],  # noqa: ARG002
    ) -> list[Entry]:
        return []  # what a head has reached is drained with it

    async def plan(self, connection: Connection, batch: Batch) -> Plan:
        if not batch.careful and not batch.requested:
            batch.careful = True
            steps = expect(batch.ordered())
            if steps is not None:
                await move_heads_from(connection, self._consumer, steps)
                return steps.plan
        if batch.heads is None:
            keys = batch.requested_keys() | _keys(batch.ordered())
            batch.heads = await load_heads(connection, self._consumer, keys, parked=self._parked)
            batch.set_apart({key: [*head.waiting.values()] for key, head in batch.heads.items()})
        return make_plan(batch.ordered(), batch.heads, requested=batch.requested_keys())

    async def save(self, connection: Connection, batch: Batch, plan: Plan) -> None:
        if plan.heads:
            await move_heads(connection, self._consumer, plan.heads, before=batch.heads or {})

    def committed(self, plan: Plan) -> None:
        """Nothing is remembered."""


class VersionsByHandler:
    """The handler tells copies and gaps by what it stores anyway; there are no heads.

    Only the order behind a parked record is kept here. Which keys have one is in memory:
    nobody but the owner of a partition parks or drops its records. A key can move to
    another partition, and owner, when a topic grows; so what waits behind nothing is
    looked for after each claim and every half minute.
    """

    def __init__(self, parked: ParkedRows) -> None:
        self._parked = parked
        self._held: set[Key] = set()
        self._times_held = 0
        self._looked_at = float("-inf")

    @property
    def held(self) -> Collection[Key]:
        """The keys of which something is parked."""
        return self._held

    @property
    def times_held(self) -> int:
        """How often until now a key has come to be held."""
        return self._times_held

    async def claimed(self, connection: Connection) -> None:
        self._held = await self._parked.keys(connection)
        self._times_held += 1
        self._looked_at = float("-inf")

    async def overdue(
        self, connection: Connection, partitions: Sequence[TopicPartition]
    ) -> list[Entry]:
        if not self._held or time.monotonic() - self._looked_at < _OVERDUE_SECONDS:
            return []
        self._looked_at = time.monotonic()
        return await self._parked.overdue(connection, partitions)

    async def plan(self, connection: Connection, batch: Batch) -> Plan:
        if batch.waiting is None:
            batch.waiting = await self._parked.of(connection, batch.requested_keys())
            batch.set_apart(batch.waiting)
        return plan_in_order(batch.ordered(), held=self._held, waiting=batch.waiting)

    async def save(self, connection: Connection, batch: Batch, plan: Plan) -> None:
        """Nothing but parked records is kept."""

    def committed(self, plan: Plan) -> None:
        for key, holds in plan.holds.items():
            if holds:
                self._held.add(key)
                self._times_held += 1
            else:
                self._held.discard(key)


def _keys(entries: Sequence[Entry]) -> dict[Key, None]:
    return {
        (entry.event.source, entry.event.subject): None
        for entry in entries
        if entry.event is not None
    }
