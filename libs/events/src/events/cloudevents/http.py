"""CloudEvents over HTTP, as partners send them: structured, binary and batched.

Pure functions of headers and body. Everything is strict: what we do not
understand is refused and named, event by event, so that one bad event of a
batch does not hold up the others.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote

import msgspec

from events.cloudevents.attributes import checked, instant, required
from events.cloudevents.structured import read_structured
from events.errors import EventsError, SchemaViolation, Undecodable
from events.inbox import Incoming
from events.strict import FIRST_YEAR, LAST_YEAR, strict_decoder
from events.types import EVENT_TYPES, EventData
from events.types.partner import EventVoided

_BATCH: Final = "application/cloudevents-batch+json"
_STRUCTURED: Final = "application/cloudevents+json"
_ASSIGNED: Final = frozenset(("sequence", "recordedtime"))
"""Attributes that the receiver gives; a sender must not."""
_CORE: Final = frozenset(
    (
        *("specversion", "id", "source", "type", "subject", "time"),
        *("datacontenttype", "dataschema", "traceparent"),
    )
)
_items: Final = msgspec.json.Decoder(list[msgspec.Raw])


class UnsupportedContentType(EventsError):
    """The request is no mode of CloudEvents that we read."""


class UnreadableBody(EventsError):
    """The body as a whole cannot be read."""


class TooManyEvents(EventsError):
    """A batch holds more events than are taken at once."""


class Rejected(msgspec.Struct, frozen=True, kw_only=True):
    """One event that is refused. `field` is a path such as `data.amount.currency`."""

    field: str
    reason: str
    hint: str
    id: str | None = None
    source: str | None = None


def read_http(
    headers: Iterable[tuple[bytes, bytes]], body: bytes, *, max_events: int
) -> list[Incoming | Rejected]:
    """Read a request's events in whichever mode it uses; one answer each, in order.

    `headers` are ASGI's. Raises UnsupportedContentType, UnreadableBody, TooManyEvents.
    """
    named = {name.lower().decode("latin-1"): text.decode("latin-1") for name, text in headers}
    content_type = named.get("content-type", "").partition(";")[0].strip().lower()
    if content_type == _BATCH:
        return [_structured(item) for item in _batch(body, max_events)]
    if content_type == _STRUCTURED:
        return [_structured(body)]
    if "ce-specversion" in named or "ce-id" in named:
        return [_binary(named, body, content_type)]
    raise UnsupportedContentType(
        f"content type {content_type[:80] or 'none'} is no CloudEvents mode",
        hint=f"send {_STRUCTURED}, {_BATCH}, or ce- headers with application/json",
    )


def _batch(body: bytes, max_events: int) -> list[msgspec.Raw]:
    try:
        items = _items.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise UnreadableBody("the body is no JSON array", hint="send an array of events") from None
    if len(items) > max_events:
        raise TooManyEvents(
            f"the batch has {len(items)} events of {max_events}",
            hint="send several smaller ones",
        )
    return items


def _structured(raw: bytes | msgspec.Raw) -> Incoming | Rejected:
    try:
        attributes, data = read_structured(raw)
    except Undecodable as error:
        return Rejected(field="", reason=error.fact, hint=error.hint)
    return _checked(attributes, data)


def _binary(named: dict[str, str], body: bytes, content_type: str) -> Incoming | Rejected:
    attributes = {
        name[3:]: unquote(text.strip()) for name, text in named.items() if name.startswith("ce-")
    }
    attributes["datacontenttype"] = content_type
    if "traceparent" in named:
        attributes.setdefault("traceparent", named["traceparent"])
    return _checked(attributes, body)


def _checked(attributes: dict[str, str], data: bytes | None) -> Incoming | Rejected:
    try:
        return _incoming(attributes, data)
    except SchemaViolation as error:
        field = f"data.{error.field}" if error.field else "data"
        reason, hint = error.fact.removeprefix(f"{error.field}: "), error.hint
    except Undecodable as error:
        field = error.fact.split()[1] if error.fact.startswith("attribute ") else ""
        reason, hint = error.fact, error.hint
    return Rejected(
        field=field,
        reason=reason,
        hint=hint,
        id=attributes.get("id"),
        source=attributes.get("source"),
    )


def _incoming(attributes: dict[str, str], data: bytes | None) -> Incoming:
    if attributes.get("specversion") != "1.0":
        raise Undecodable("attribute specversion is not 1.0", hint="send CloudEvents 1.0")
    cls = _partners_type(required(attributes, "type"))
    media = attributes.get("datacontenttype", "application/json").partition(";")[0].strip().lower()
    if media != "application/json":
        raise Undecodable("attribute datacontenttype is not JSON", hint="use application/json")
    for name in _ASSIGNED.intersection(attributes):
        raise Undecodable(f"attribute {name} is the receiver's to give", hint="leave it out")
    identity, source = required(attributes, "id"), required(attributes, "source")
    time = instant(required(attributes, "time"), "time")
    if not FIRST_YEAR <= time.year <= LAST_YEAR:
        raise Undecodable(
            f"attribute time has the year {time.year}",
            hint=f"use {FIRST_YEAR} to {LAST_YEAR}",
        )
    decoded = strict_decoder(cls).decode(data or b"")
    return Incoming(
        id=identity,
        source=source,
        type=cls.wire_type,
        subject=_subject(attributes, decoded),
        time=time,
        data=decoded,
        traceparent=attributes.get("traceparent"),
        extensions={n: checked(v, n) for n, v in attributes.items() if n not in _CORE},
    )


def _partners_type(wire_type: str) -> type[EventData]:
    cls = EVENT_TYPES.get(wire_type)
    if cls is None or not cls.from_partners:
        known = ", ".join(sorted(t for t, c in EVENT_TYPES.items() if c.from_partners))
        raise Undecodable(
            f"attribute type is none that partners send: {wire_type}",
            hint=f"use {known}",
        )
    return cls


def _subject(attributes: dict[str, str], data: EventData) -> str | None:
    given = attributes.get("subject")
    if isinstance(data, EventVoided):
        return None  # it is that of the voided event, which the inbox knows
    if given is not None and given != data.subject:
        raise Undecodable(
            f"attribute subject is {given[:80]!r}, data says {data.subject!r}",
            hint="leave it out or repeat the id of the data",
        )
    return data.subject
