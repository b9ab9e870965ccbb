"""Positions on the log, and moving them by compare-and-set: what makes an event count once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

import msgspec

from events.consumer.received import Connection
from events.errors import Fenced
from events.log import TopicPartition

_ADVANCE: Final = """
UPDATE consumer_positions p
SET next_offset = w.next, last_digest = coalesce(w.digest, p.last_digest),
    watermark = greatest(p.watermark, w.watermark), updated_at = now()
FROM unnest($2::text[], $3::int[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bytea[],
            $8::timestamptz[])
  AS w(topic, partition, epoch, start, next, digest, watermark)
WHERE p.consumer = $1 AND p.topic = w.topic AND p.partition = w.partition
  AND p.epoch = w.epoch AND p.next_offset = w.start"""

_HAS_CONSUMERS: Final = "SELECT to_regclass('consumer_positions') IS NOT NULL"
_ALL: Final = "SELECT consumer, topic, partition, next_offset, stopped FROM consumer_positions"


class Position(NamedTuple):
    """How far a consumer has read a partition, and why it stands if it was stopped."""

    consumer: str
    where: TopicPartition
    next_offset: int
    stopped: str | None


async def all_positions(connection: Connection) -> list[Position] | None:
    """Those of all consumers of a database; None where nobody consumes."""
    if not await connection.fetchval(_HAS_CONSUMERS):
        return None
    return [
        Position(consumer, TopicPartition(topic, partition), next_offset, stopped)
        for consumer, topic, partition, next_offset, stopped in await connection.fetch(_ALL)
    ]


class Advance(msgspec.Struct, frozen=True):
    """A partition's way from `start` to `next`, valid only in `epoch`."""

    partition: TopicPartition
    epoch: int
    start: int
    next: int
    digest: bytes | None
    watermark: datetime | None


async def advance(connection: Connection, consumer: str, moves: Sequence[Advance]) -> None:
    """Move positions, as the first statement of the transaction; raises Fenced.

    The compare-and-set is what makes an event count once: of two processes that
    read the same records, one finds the position or epoch changed.
    """
    status = await connection.execute(
        _ADVANCE,
        consumer,
        [move.partition.topic for move in moves],
        [move.partition.partition for move in moves],
        [move.epoch for move in moves],
        [move.start for move in moves],
        [move.next for move in moves],
        [move.digest for move in moves],
        [move.watermark for move in moves],
    )
    if int(status.rpartition(" ")[2]) != len(moves):
        raise Fenced(
            "another process has claimed a partition", hint="nothing to do: it goes on there"
        )
