"""What the consumer and the relay tell whoever watches them.

The chassis implements this with Prometheus; the library knows no telemetry system.
Every method must be quick and must not raise.
"""

from __future__ import annotations

from typing import Protocol


class Observer(Protocol):
    """Called from the event loop, between batches."""

    def batch_applied(
        self,
        consumer: str,
        *,
        records: int,
        applied: int,
        duplicates: int,
        unknown: int,
        gaps: int,
        rows: int | None,
        seconds: float,
        oldest_seconds: float,
    ) -> None:
        """A transaction was committed: how many records it read and what became of them.

        `oldest_seconds` is the age, from being recorded, of the oldest event among them. `gaps`
        of them came while earlier ones of their key were missing, if the consumer tells gaps.
        `rows` were written, which is counted about once a second: else None.
        """

    def event_parked(self, consumer: str, *, topic: str, reason: str) -> None:
        """A record was put aside (`undecodable`, `schema`, `unprocessable`, `gap`, `held`)."""

    def parked_resolved(self, consumer: str, *, outcome: str, count: int) -> None:
        """Parked records are done with: `released`, `discarded`, or `followed` by themselves."""

    def parked_total(self, consumer: str, *, reason: str, count: int) -> None:
        """How many records of this consumer wait parked right now; told about once a second."""

    def lag(self, consumer: str, *, topic: str, partition: int, records: int) -> None:
        """Records of an owned partition that are not applied yet; told about once a second."""

    def watermark_age(self, consumer: str, *, seconds: float) -> None:
        """Age of the instant up to which everything on the log is applied."""

    def retrying(self, consumer: str, *, error: Exception, seconds: float) -> None:
        """An infrastructure error: the same batch is tried again after so many seconds."""

    def partition_stopped(self, consumer: str, *, topic: str, partition: int, reason: str) -> None:
        """Too much was rejected: the partition stands until somebody restarts the process."""

    def claimed(self, consumer: str, *, partitions: int) -> None:
        """The process now owns so many partitions."""

    def published(self, database: str, *, count: int, seconds: float) -> None:
        """The relay moved events from an outbox to the log."""

    def outbox(self, database: str, *, waiting: int, oldest_seconds: float) -> None:
        """What waits in an outbox; told every few seconds."""

    def outbox_unreachable(self, database: str, *, error: Exception) -> None:
        """A database does not answer the relay; it is tried again."""


class Unobserved:
    """An observer that nobody looks at, for tests and tools."""

    def batch_applied(
        self,
        consumer: str,
        *,
        records: int,
        applied: int,
        duplicates: int,
        unknown: int,
        gaps: int,
        rows: int | None,
        seconds: float,
        oldest_seconds: float,
    ) -> None: ...

    def event_parked(self, consumer: str, *, topic: str, reason: str) -> None: ...

    def parked_resolved(self, consumer: str, *, outcome: str, count: int) -> None: ...

    def parked_total(self, consumer: str, *, reason: str, count: int) -> None: ...

    def lag(self, consumer: str, *, topic: str, partition: int, records: int) -> None: ...

    def watermark_age(self, consumer: str, *, seconds: float) -> None: ...

    def retrying(self, consumer: str, *, error: Exception, seconds: float) -> None: ...

    def partition_stopped(
        self, consumer: str, *, topic: str, partition: int, reason: str
    ) -> None: ...

    def claimed(self, consumer: str, *, partitions: int) -> None: ...

    def published(self, database: str, *, count: int, seconds: float) -> None: ...

    def outbox(self, database: str, *, waiting: int, oldest_seconds: float) -> None: ...

    def outbox_unreachable(self, database: str, *, error: Exception) -> None: ...
