"""CloudEvents 1.0: how an event looks on the log and in examples."""

from __future__ import annotations

from events.cloudevents.kafka import EventReader, from_record, to_record
from events.cloudevents.structured import read_structured, write_structured

__all__ = [
    "EventReader",
    "from_record",
    "read_structured",
    "to_record",
    "write_structured",
]
