"""The structured mode: envelope and data as one JSON object, on Kafka and over HTTP."""

from __future__ import annotations

from base64 import b64decode
from typing import Final

import msgspec

from events.cloudevents.attributes import CORE
from events.cloudevents.envelope import write_envelope
from events.errors import AttributeUnusable, Undecodable
from events.event import Event, encode_data, violation

_object: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_core: Final[msgspec.json.Decoder[str | None]] = msgspec.json.Decoder(str | None)
_scalar: Final = msgspec.json.Decoder(str | int | bool | None)


def read_structured(raw: bytes | msgspec.Raw) -> tuple[dict[str, str], bytes | None]:
    """Split an event into attributes as text and data as JSON. Raises Undecodable."""
    try:
        members = _object.decode(raw)
        data = members.pop("data", None)
        base64 = members.pop("data_base64", None)
        attributes = {name: _text(name, value) for name, value in members.items()}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Undecodable(
            f"the event is no JSON object: {violation(error).fact}",
            hint="send one object per event, in UTF-8 without a byte order mark",
        ) from None
    if data is not None and base64 is not None:
        raise Undecodable(
            "both data and data_base64 are given", hint="send only one of them", field="data_base64"
        )
    known = {name: value for name, value in attributes.items() if value is not None}
    if base64 is None:
        return known, None if data is None else bytes(data)
    try:
        return known, b64decode(msgspec.json.decode(base64, type=str), validate=True)
    except (msgspec.DecodeError, ValueError):
        raise Undecodable(
            "data_base64 is not valid base64", hint="use the padded alphabet", field="data_base64"
        ) from None


def _text(name: str, raw: msgspec.Raw) -> str | None:
    """An attribute as text: only extensions may be numbers and booleans (JSON format, 2.2)."""
    if name in CORE:
        try:
            return _core.decode(raw)
        except msgspec.ValidationError:
            raise AttributeUnusable(name, "is no text", hint="write it in quotes") from None
    try:
        value = _scalar.decode(raw)
    except msgspec.DecodeError:
        raise AttributeUnusable(
            name,
            "is neither text nor a whole number nor a boolean",
            hint="put structured values into data",
        ) from None
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)


def write_structured(event: Event) -> bytes:
    """The event as one JSON object: on the log, and in the examples."""
    return write_envelope(
        data=encode_data(event.data),
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
