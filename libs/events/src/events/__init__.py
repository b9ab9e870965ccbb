"""Tandem's events: their contracts, and the way from a transaction to every view.

A service promises events in its own transaction (`append`), the `Relay` puts
them on the log (`open_log`), and a `Consumer` applies them exactly once.
"""

from __future__ import annotations

from events import schema_sql
from events.consumer import (
    Connection,
    Consumer,
    ConsumerSettings,
    Fold,
    Folding,
    Handler,
    Received,
    Unprocessable,
)
from events.errors import (
    ConsumerStuck,
    DataError,
    EventsError,
    EventTooLarge,
    LogChanged,
    LogUnavailable,
    PublishFailed,
    TopicMissing,
    Undecodable,
)
from events.event import Event, EventLike, SchemaViolation, UnknownData, decode_data, encode_data
from events.ids import uuid7
from events.log import Log, TopicPartition, open_log
from events.money import Money
from events.observer import Observer, Unobserved
from events.outbox import append_asyncpg, together
from events.relay import Relay
from events.strict import StrictDecoder, strict_decoder
from events.types import EVENT_TYPES, UNKNOWN, Dimensions, EventData, Owner

__all__ = [
    "EVENT_TYPES",
    "UNKNOWN",
    "Connection",
    "Consumer",
    "ConsumerSettings",
    "ConsumerStuck",
    "DataError",
    "Dimensions",
    "Event",
    "EventData",
    "EventLike",
    "EventTooLarge",
    "EventsError",
    "Fold",
    "Folding",
    "Handler",
    "Log",
    "LogChanged",
    "LogUnavailable",
    "Money",
    "Observer",
    "Owner",
    "PublishFailed",
    "Received",
    "Relay",
    "SchemaViolation",
    "StrictDecoder",
    "TopicMissing",
    "TopicPartition",
    "Undecodable",
    "UnknownData",
    "Unobserved",
    "Unprocessable",
    "append_asyncpg",
    "decode_data",
    "encode_data",
    "open_log",
    "schema_sql",
    "strict_decoder",
    "together",
    "uuid7",
]
