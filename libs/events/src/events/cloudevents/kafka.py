"""CloudEvents on a log record: structured mode is written, binary and structured are read.

The mode is decided by the content-type alone, as the Kafka binding says: a
structured record may carry `ce_` headers as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

from msgspec.structs import replace

from events.cloudevents.attributes import checked, instant, required, sequence
from events.cloudevents.envelope import HEADERS, EnvelopeReader
from events.cloudevents.structured import read_structured, write_structured
from events.errors import Undecodable
from events.event import DataDecoder, Event, EventLike, SchemaViolation, UnknownData
from events.log.port import NOT_UTF8, NewRecord, Record
from events.types import EVENT_TYPES, EventData
from events.upcasting import with_older

JSON: Final = b"application/json"
_OURS: Final = frozenset(
    (
        *("specversion", "id", "source", "type", "subject", "time", "datacontenttype"),
        *("sequence", "recordedtime", "traceparent"),
    )
)


def to_record(event: Event, *, topic: str | None = None) -> NewRecord:
    """The event in structured mode, keyed by its subject."""
    return structured_record(
        write_structured(event),
        topic=event.data.topic if topic is None else topic,
        subject=event.subject,
    )


def structured_record(value: bytes, *, topic: str, subject: str) -> NewRecord:
    """A record around an event that is one JSON object already."""
    return NewRecord(topic, subject.encode(), value, HEADERS)


class EventReader:
    """Reads records of the types that somebody knows; the rest comes with `UnknownData`.

    A type may be a narrow view of an event: a class with the same `wire_type` and
    only the fields that its reader wants, which is what decoding then costs.
    """

    def __init__(self, types: Iterable[type[EventData]] = EVENT_TYPES.values()) -> None:
        """Older versions of the types are read with them.

        Raises ValueError for a narrow view of a type that has older versions: those can only
        be read whole.
        """
        known = with_older(types)
        self._envelopes = EnvelopeReader(known)
        self._data = DataDecoder(known)

    def read(self, record: Record) -> Event:
        """Read a record in either mode.

        Raises Undecodable, or SchemaViolation with the envelope in its `event`.
        """
        event = self._envelopes.read(record)
        return _read_carefully(record, self._data) if event is None else event

    def read_all(
        self, records: Sequence[Record]
    ) -> tuple[Sequence[EventLike], Sequence[EventLike]]:
        """The same events at two thirds of the cost, and those of them whose type we read.

        Those as we write them are no `Event` each. Raises what `read` raises of the first that is
        at fault.
        """
        odd: list[Event] = []

        def read_one(record: Record) -> Event:
            odd.append(self.read(record))
            return odd[-1]

        found = self._envelopes.read_all(records, read_one)
        if all(type(event.data) is not UnknownData for event in odd):
            return found, found
        return found, [event for event in found if type(event.data) is not UnknownData]


from_record = EventReader().read
"""Read a record of any type that this version of the code knows; see `EventReader.read`."""


def _read_carefully(record: Record, data: DataDecoder) -> Event:
    headers = dict(record.headers)
    if any(NOT_UTF8 in name for name in headers):
        raise Undecodable("the name of a header is not UTF-8", hint="name headers in UTF-8")
    content_type = headers.get("content-type") or JSON
    try:
        if content_type.startswith(b"application/cloudevents"):
            if not content_type.startswith(b"application/cloudevents+json"):
                raise Undecodable(
                    f"content-type {content_type[:80]!r} cannot be read",
                    hint="send JSON, one event a record",
                )
            attributes, value = read_structured(record.value or b"")
            content_type = attributes.get("datacontenttype", "application/json").encode()
        else:
            attributes = {
                name[3:]: text.decode()
                for name, text in headers.items()
                if text is not None and name.startswith("ce_")
            }
            value = record.value
        if trace := headers.get("traceparent"):
            attributes.setdefault("traceparent", trace.decode())
    except UnicodeDecodeError:
        raise Undecodable("a header is not valid UTF-8", hint="send attributes in UTF-8") from None
    envelope = _envelope(attributes, value, logged_ms=record.timestamp)
    return _with_data(envelope, value or b"", content_type=content_type, data=data)


def _envelope(attributes: dict[str, str], value: bytes | None, *, logged_ms: int) -> Event:
    if attributes.get("specversion") != "1.0":
        raise Undecodable("attribute specversion is not 1.0", hint="send CloudEvents 1.0")
    wire_type = required(attributes, "type")
    occurred, recorded = attributes.get("time"), attributes.get("recordedtime")
    logged = None if occurred and recorded else datetime.fromtimestamp(logged_ms / 1000, UTC)
    recorded_at = instant(recorded, "recordedtime") if recorded else logged
    occurred_at = instant(occurred, "time") if occurred else recorded_at
    assert occurred_at is not None and recorded_at is not None  # noqa: PT018 - for the type checker
    return Event(
        id=required(attributes, "id"),
        source=required(attributes, "source"),
        type=wire_type,
        subject=required(attributes, "subject"),
        sequence=sequence(required(attributes, "sequence")),
        time=occurred_at,
        recordedtime=recorded_at,
        data=UnknownData(raw=value or b""),
        traceparent=attributes.get("traceparent"),
        extensions={n: checked(v, n) for n, v in attributes.items() if n not in _OURS},
    )


def _decoded(envelope: Event, value: bytes, *, content_type: bytes, data: DataDecoder) -> EventData:
    if not content_type.startswith(JSON) and b"+json" not in content_type:
        raise SchemaViolation(
            f"content type {content_type[:80]!r} is not JSON", hint="send application/json"
        )
    return data.decode(envelope.type, value)


def _with_data(envelope: Event, value: bytes, *, content_type: bytes, data: DataDecoder) -> Event:
    try:
        found = _decoded(envelope, value, content_type=content_type, data=data)
    except SchemaViolation as error:
        error.event = envelope
        raise
    if isinstance(found, UnknownData):
        return envelope
    return replace(envelope, type=found.wire_type, data=found)
