"""CloudEvents on a log record: binary mode is written, binary and structured are read.

The mode is decided by the content-type alone, as the Kafka binding says: a
structured record may carry `ce_` headers as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final

from events.cloudevents.attributes import (
    MAX_ATTRIBUTE_LENGTH,
    checked,
    instant,
    instant_text,
    required,
    sequence,
    sequence_text,
    utc,
)
from events.cloudevents.structured import read_structured
from events.errors import SchemaViolation, Undecodable
from events.event import DECODERS, MAX_SEQUENCE, Event, UnknownData, decode_data, encode_data
from events.log.port import NewRecord, Record
from events.types import EVENT_TYPES, EventData
from events.upcasting import newest_type

JSON: Final = b"application/json"
_SPECVERSION: Final = ("ce_specversion", b"1.0")
_CONTENT_TYPE: Final = ("content-type", JSON)
_KINDS: Final[dict[bytes | None, tuple[str, Callable[[Any], EventData]]]] = {
    wire_type.encode(): (newest_type(EVENT_TYPES[wire_type]).wire_type, decode)
    for wire_type, decode in DECODERS.items()
}
_usual: Final[Callable[[Mapping[str, Any]], tuple[Any, ...]]] = itemgetter(
    *("ce_specversion", "content-type", "ce_id", "ce_source", "ce_subject"),
    *("ce_sequence", "ce_time", "ce_recordedtime"),
)
_UNUSUAL: Final = (AttributeError, KeyError, TypeError, ValueError, OverflowError, RecursionError)
_OURS: Final = frozenset(
    (
        *("specversion", "id", "source", "type", "subject", "time", "datacontenttype"),
        *("sequence", "recordedtime", "traceparent"),
    )
)


def to_record(event: Event, *, topic: str | None = None) -> NewRecord:
    """The event in binary mode, keyed by its subject."""
    return binary_record(
        topic=event.data.topic if topic is None else topic,
        value=encode_data(event.data),
        id=event.id,
        source=event.source,
        type=event.type,
        subject=event.subject,
        sequence=event.sequence,
        time=event.time,
        recordedtime=event.recordedtime,
        traceparent=event.traceparent,
        extensions=event.extensions,
    )


def binary_record(  # noqa: PLR0913 - one for each attribute
    *,
    topic: str,
    value: bytes,
    id: str,  # noqa: A002 - the CloudEvents name
    source: str,
    type: str,  # noqa: A002 - the CloudEvents name
    subject: str,
    sequence: int,
    time: datetime,
    recordedtime: datetime,
    traceparent: str | None,
    extensions: Mapping[str, str],
) -> NewRecord:
    """A record with an envelope around data that is encoded already.

    Takes attributes and no event: the relay has rows, and no time to make events of them.
    """
    key = subject.encode()
    headers: list[tuple[str, bytes | None]] = [
        _SPECVERSION,
        ("ce_id", id.encode()),
        _often("ce_source", source),
        _often("ce_type", type),
        ("ce_subject", key),
        ("ce_time", instant_text(time).encode()),
        ("ce_sequence", sequence_text(sequence).encode()),
        ("ce_recordedtime", instant_text(recordedtime).encode()),
        _CONTENT_TYPE,
    ]
    if traceparent:
        headers.append(("traceparent", traceparent.encode()))
    if extensions:
        headers.extend((f"ce_{name}", text.encode()) for name, text in extensions.items())
    return NewRecord(topic, key, value, headers)


@lru_cache(maxsize=4_096)
def _often(name: str, text: str) -> tuple[str, bytes]:
    """A header with one of few values: made once."""
    return name, text.encode()


def from_record(record: Record) -> Event:
    """Read a record in either mode; an unknown type comes with `UnknownData`.

    Raises Undecodable, or SchemaViolation with the envelope in its `event`.
    """
    headers = dict(record.headers)
    usual = _as_we_write(headers, record.value)
    if usual is not None:
        return usual
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
    return _event(attributes, value, content_type=content_type, logged_ms=record.timestamp)


def _as_we_write(headers: dict[str, bytes | None], value: bytes | None) -> Event | None:
    """The quick way for what our own producers write; None leaves it to the careful one.

    It takes only what the careful way would take, and answers the same.
    """
    trace = headers.get("traceparent")
    if len(headers) != (9 if trace is None else 10):
        return None
    try:
        wire_type, decode = _KINDS[headers["ce_type"]]
        version, media, identity, source, subject, number, occurred, recorded = _usual(headers)
        if (
            version != b"1.0"
            or media != JSON
            or not (identity and source and subject and number.isdigit())
            or max(len(identity), len(source), len(subject)) > MAX_ATTRIBUTE_LENGTH
            or b"\x00" in identity + source + subject
            or not 0 < (sequence_number := int(number)) <= MAX_SEQUENCE
        ):
            return None
        return Event(
            id=identity.decode(),
            source=source.decode(),
            type=wire_type,
            subject=subject.decode(),
            sequence=sequence_number,
            time=utc(occurred),
            recordedtime=utc(recorded),
            data=decode(value),
            traceparent=None if trace is None else trace.decode(),
        )
    except _UNUSUAL:
        return None


def _event(
    attributes: dict[str, str],
    value: bytes | None,
    *,
    content_type: bytes,
    logged_ms: int,
) -> Event:
    if attributes.get("specversion") != "1.0":
        raise Undecodable("attribute specversion is not 1.0", hint="send CloudEvents 1.0")
    wire_type = required(attributes, "type")
    occurred, recorded = attributes.get("time"), attributes.get("recordedtime")
    logged = None if occurred and recorded else datetime.fromtimestamp(logged_ms / 1000, UTC)
    recorded_at = instant(recorded, "recordedtime") if recorded else logged
    occurred_at = instant(occurred, "time") if occurred else recorded_at
    assert occurred_at is not None and recorded_at is not None  # noqa: PT018 - for the type checker
    envelope = Event(
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
    return _with_data(envelope, value, content_type)


def _decoded(wire_type: str, value: bytes, content_type: bytes) -> EventData:
    if not content_type.startswith(JSON) and b"+json" not in content_type:
        raise SchemaViolation(
            f"content type {content_type[:80]!r} is not JSON", hint="send application/json"
        )
    return decode_data(wire_type, value)


def _with_data(envelope: Event, value: bytes | None, content_type: bytes) -> Event:
    try:
        data = _decoded(envelope.type, value or b"", content_type)
    except SchemaViolation as error:
        error.event = envelope
        raise
    if isinstance(data, UnknownData):
        return envelope
    return Event(
        id=envelope.id,
        source=envelope.source,
        type=data.wire_type,
        subject=envelope.subject,
        sequence=envelope.sequence,
        time=envelope.time,
        recordedtime=envelope.recordedtime,
        data=data,
        traceparent=envelope.traceparent,
        extensions=envelope.extensions,
    )
