"""The log as the rest of the code sees it, whichever system is behind it.

What every implementation keeps (one contract suite is run against all):
records of one key stay in order within their partition; offsets of a partition
only grow; what `publish` returned from is durable; a reader gets each record at
or after the position that it was assigned, in order, and never a later record
before an earlier one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, Protocol, Self

import msgspec

Headers = Sequence[tuple[str, bytes | None]]

NOT_UTF8: Final = "\ufffd"
"""Stands in the name of a header for bytes that are none, which a stranger can write to Kafka."""

PATIENCE_SECONDS: Final = 0.05


class TopicPartition(NamedTuple):
    topic: str
    partition: int


class NewRecord(msgspec.Struct, frozen=True, gc=False):
    """A record to be appended; its key decides its partition."""

    topic: str
    key: bytes
    value: bytes | None
    headers: list[tuple[str, bytes | None]]


class Record(Protocol):
    """A record of the log. `timestamp` is the append's, in milliseconds since 1970.

    Where it stands is told by what hands it over: a reader returns whole runs of a partition.
    """

    @property
    def offset(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Headers: ...
    @property
    def timestamp(self) -> int: ...


class TopicState(msgspec.Struct, frozen=True):
    """A topic as the log has it. `retention_seconds` None keeps for ever."""

    name: str
    partitions: int
    retention_seconds: int | None
    record_bytes: int | None = None
    """For a topic that strangers write to: no larger record is taken, none is kept compressed."""


class Producer(Protocol):
    """Appends. After an error of any kind the process must end: crash-only."""

    async def publish(self, records: Sequence[NewRecord]) -> None:
        """Return when all are durable, in order per key.

        Calls may overlap; the records of one made earlier stay before those of a later one.
        Raises TopicMissing or PublishFailed; then some of them may be on the log.
        """

    def forget_topics(self) -> None:
        """Ask the log anew how many partitions topics have, from the next call of `publish` on."""

    async def close(self) -> None: ...


class Reader(Protocol):
    """Reads the partitions that it was told to; knows no groups and commits nothing."""

    def assign(self, positions: Mapping[TopicPartition, int]) -> None:
        """Read exactly these partitions from these offsets on; forgets all earlier ones."""

    async def poll(
        self, *, max_records: int, timeout_seconds: float
    ) -> Mapping[TopicPartition, Sequence[Record]]:
        """The next records, in order per partition; empty when none came in time.

        Raises LogChanged when a position is outside the log, LogUnavailable.
        """

    def has_more(self) -> bool:
        """Whether the log holds more than `poll` has given, by its last answer: asks nobody."""

    async def close(self) -> None: ...


class Log(Protocol):
    """One log; made by `open_log`, closed by `close` or as a context manager."""

    async def producer(self) -> Producer: ...

    async def reader(self, *, patience_seconds: float = PATIENCE_SECONDS) -> Reader:
        """One whose questions a log that can do so leaves open for so long while there is no news.

        Long saves both sides work where little comes. News of one partition is told at once, but
        while it is read a question about the others may be open, and the next waits for its end.
        """

    async def partitions(self, topics: Sequence[str]) -> list[TopicPartition]:
        """All partitions of the topics. Raises TopicMissing, LogUnavailable."""

    async def identities(self, topics: Sequence[str]) -> dict[str, str]:
        """What tells each topic from another that had its name; those that are not there lack."""

    async def beginnings(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """The oldest offset that can still be read, or the end when there is none."""

    async def ends(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """The offset that the next record will get."""

    async def topics(self) -> dict[str, TopicState]:
        """What is there, by name, without the log's internal topics."""

    async def create_topic(self, topic: TopicState) -> None:
        """Make a topic; one that is already there is left as it is."""

    async def grow_topic(self, name: str, *, partitions: int) -> None:
        """Add partitions. Keys move: order across the change is for consumers' sequence check."""

    async def close(self) -> None: ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *_: object) -> None: ...
