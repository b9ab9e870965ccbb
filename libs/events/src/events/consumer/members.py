"""Who shares the partitions of a consumer, by heartbeats in its database.

Membership only spreads the work: if two members believe to own a partition, the
claim's epoch lets one of them commit. Kafka's own groups are not used: they
would be a second owner beside the positions, with a slower and stranger failover.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from events.consumer.received import Connection
from events.log import TopicPartition

_BEAT: Final = """
INSERT INTO consumer_members (consumer, member, seen_at) VALUES ($1, $2, clock_timestamp())
ON CONFLICT (consumer, member) DO UPDATE SET seen_at = excluded.seen_at"""

_BURY: Final = """
DELETE FROM consumer_members
WHERE consumer = $1 AND seen_at < clock_timestamp() - make_interval(secs => $2)"""

_LIVE: Final = "SELECT member FROM consumer_members WHERE consumer = $1 ORDER BY member"


class Members:
    """One process's membership."""

    def __init__(self, consumer: str, *, member: str, timeout_seconds: float) -> None:
        self._consumer = consumer
        self._member = member
        self._timeout = timeout_seconds

    async def beat(self, connection: Connection) -> list[str]:
        """Say that this one lives, forget who has not for long; returns the living, sorted."""
        await connection.execute(_BEAT, self._consumer, self._member)
        await connection.execute(_BURY, self._consumer, self._timeout)
        return [row[0] for row in await connection.fetch(_LIVE, self._consumer)]

    async def leave(self, connection: Connection) -> None:
        await connection.execute(
            "DELETE FROM consumer_members WHERE consumer = $1 AND member = $2",
            self._consumer,
            self._member,
        )

    def share(
        self, partitions: Sequence[TopicPartition], living: Sequence[str]
    ) -> frozenset[TopicPartition]:
        """The part of this member: the same rule for all, so that nothing is negotiated."""
        if self._member not in living:
            return frozenset()
        place = living.index(self._member)
        return frozenset(sorted(partitions)[place :: len(living)])
