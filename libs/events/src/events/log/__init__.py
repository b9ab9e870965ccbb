"""The event log: one port, two implementations chosen by a URL."""

from __future__ import annotations

from events.log.port import (
    Headers,
    Log,
    NewRecord,
    Producer,
    Reader,
    Record,
    TopicPartition,
    TopicState,
)

__all__ = [
    "Headers",
    "Log",
    "NewRecord",
    "Producer",
    "Reader",
    "Record",
    "TopicPartition",
    "TopicState",
    "open_log",
]


def open_log(url: str) -> Log:
    """The log behind `kafka://host:port[,host:port…]` or `postgresql://…`; connects on first use.

    Raises ValueError for another scheme.
    """
    scheme, _, rest = url.partition("://")
    if scheme == "kafka" and rest:
        from events.log.kafka import KafkaLog  # noqa: PLC0415 - a machine without Kafka needs no client

        return KafkaLog(rest.rstrip("/"))
    if scheme in {"postgresql", "postgres"}:
        from events.log.postgres import PostgresLog  # noqa: PLC0415

        return PostgresLog(url)
    raise ValueError(f"EVENT_LOG {scheme}://… is unknown; use kafka://host:port or postgresql://…")
