"""Claiming partitions: taking a position over so that its former owner can commit nothing more."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Final

import msgspec

from events.consumer.batch import Stretch
from events.consumer.limits import RejectionLimits
from events.consumer.received import Connection
from events.consumer.settings import ConsumerSettings
from events.errors import Fenced, LogChanged, LogUnavailable
from events.log import Log, Reader, Record, TopicPartition

_CLAIM: Final = """
INSERT INTO consumer_positions AS p (consumer, topic, partition, next_offset, epoch, owner)
SELECT $1, w.topic, w.partition, w.first, 1, $2
FROM unnest($3::text[], $4::int[], $5::bigint[]) AS w(topic, partition, first)
ORDER BY 2, 3
ON CONFLICT (consumer, topic, partition) DO UPDATE
SET epoch = p.epoch + 1, owner = excluded.owner, stopped = NULL, updated_at = now()
RETURNING topic, partition, next_offset, epoch, last_digest"""

_OURS: Final = """
SELECT count(*) FROM consumer_positions p
JOIN unnest($2::text[], $3::int[], $4::bigint[]) AS w(topic, partition, epoch)
  ON p.topic = w.topic AND p.partition = w.partition AND p.epoch = w.epoch
WHERE p.consumer = $1"""

_STOP: Final = """
UPDATE consumer_positions SET stopped = $5
WHERE consumer = $1 AND topic = $2 AND partition = $3 AND epoch = $4"""

_CHECK_SECONDS: Final = 10.0


class Claim(msgspec.Struct, eq=False):
    """A partition that is ours as long as the stored epoch says so."""

    epoch: int
    next_offset: int
    limits: RejectionLimits
    digest: bytes | None = None
    watermark: datetime | None = None

    def applied(self, stretch: Stretch) -> None:
        """It was committed."""
        self.next_offset = stretch.last.offset + 1
        logged_at = datetime.fromtimestamp(stretch.last.timestamp / 1000, UTC)
        # The oldest of three clocks, any of which may be wrong: too old is only too modest.
        at = min(logged_at, datetime.now(UTC))
        if stretch.newest is not None:
            at = min(at, stretch.newest)
        self.watermark = max(self.watermark or at, at)


def digest_of(record: Record) -> bytes:
    """What tells a record from another at the same offset of a recreated topic."""
    hashed = blake2b(record.key or b"", digest_size=16)
    hashed.update(record.value or b"")
    for name, value in record.headers:
        hashed.update(name.encode() + b"=" + (value or b""))
    return hashed.digest()


async def claim(
    connection: Connection,
    log: Log,
    partitions: Sequence[TopicPartition],
    *,
    consumer: str,
    owner: str,
    settings: ConsumerSettings,
) -> dict[TopicPartition, Claim]:
    """Take partitions over. Raises LogChanged when a position lies outside the log."""
    first = await log.beginnings(partitions)
    rows = await connection.fetch(
        _CLAIM,
        consumer,
        owner,
        [partition.topic for partition in partitions],
        [partition.partition for partition in partitions],
        [first[partition] for partition in partitions],
    )
    # Asked last: a position that the former owner moved meanwhile is not beyond the log.
    end = await log.ends(partitions)
    claims: dict[TopicPartition, Claim] = {}
    for topic, partition, offset, epoch, digest in rows:
        where = TopicPartition(topic, partition)
        if not first[where] <= offset <= end[where]:
            raise LogChanged(
                f"{consumer} has read {topic}/{partition} up to {offset}, "
                f"but the log holds {first[where]} to {end[where]}",
                hint="the topic was recreated or cut: restore it, or rebuild this consumer",
            )
        checkable = digest if offset > first[where] else None
        claims[where] = Claim(epoch, offset, RejectionLimits(settings), digest=checkable)
    return claims


async def stop_claim(
    connection: Connection, where: TopicPartition, claim: Claim, *, consumer: str, reason: str
) -> None:
    """Leave it for a person to see to, as far as it is still ours."""
    await connection.execute(_STOP, consumer, where.topic, where.partition, claim.epoch, reason)


async def require_ours(
    connection: Connection, claims: Mapping[TopicPartition, Claim], *, consumer: str
) -> None:
    """That nobody has taken one of these over. Raises Fenced.

    A batch finds out as well, but a partition to which nothing comes has none. Two processes
    that saw different members for a moment may have left it to the one that let it go again:
    it would be nobody's, and its watermark stand still, until the next event.
    """
    ours = await connection.fetchval(
        _OURS,
        consumer,
        [where.topic for where in claims],
        [where.partition for where in claims],
        [claim.epoch for claim in claims.values()],
    )
    if ours != len(claims):
        raise Fenced("another process has claimed a partition", hint="it is claimed anew or let go")


async def check_identity(
    reader: Reader, claims: Mapping[TopicPartition, Claim], *, consumer: str
) -> None:
    """That the last record read is still the one on the log. Raises LogChanged.

    aiokafka knows no topic ids, so a topic that was deleted and made again would
    otherwise be taken for the old one, and its first records be skipped.
    """
    unchecked = {where: c for where, c in claims.items() if c.digest is not None}
    reader.assign({where: c.next_offset - 1 for where, c in unchecked.items()})
    try:
        async with asyncio.timeout(_CHECK_SECONDS):
            while unchecked:
                batch = await reader.poll(max_records=len(unchecked), timeout_seconds=1.0)
                for where, records in batch.items():
                    checked = unchecked.pop(where, None)
                    if checked is not None and digest_of(records[0]) != checked.digest:
                        raise LogChanged(
                            f"record {records[0].offset} of {where.topic}/{where.partition} "
                            f"is not the one that {consumer} has read",
                            hint="the topic was recreated: rebuild this consumer's tables from it",
                        )
    except TimeoutError:
        raise LogUnavailable("the log does not show records that were read before") from None
