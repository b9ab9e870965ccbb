"""CloudEvents 1.0: how an event looks on the log and over HTTP."""

from __future__ import annotations

from events.cloudevents.http import (
    Rejected,
    TooManyEvents,
    UnreadableBody,
    UnsupportedContentType,
    read_http,
)
from events.cloudevents.kafka import from_record, to_record
from events.cloudevents.structured import read_structured, write_structured

__all__ = [
    "Rejected",
    "TooManyEvents",
    "UnreadableBody",
    "UnsupportedContentType",
    "from_record",
    "read_http",
    "read_structured",
    "to_record",
    "write_structured",
]
