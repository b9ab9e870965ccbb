"""From attributes and data to an event that can be taken, or the reason why not.

Everything is strict: what is not understood is refused by the name of its field.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from difflib import get_close_matches
from typing import Any, Final

import msgspec

from events.cloudevents.attributes import checked, instant, instant_text, required
from events.cloudevents.structured import read_structured
from events.errors import AttributeUnusable, Undecodable
from events.event import SchemaViolation, encode_data, uncapitalized
from events.partners.incoming import Incoming, Rejected, Terms
from events.partners.nesting import is_deeper
from events.partners.quick import read_quickly
from events.strict import strict_decoder
from events.types import EVENT_TYPES, EventData
from events.types.partner import EventVoided

_ASSIGNED: Final = frozenset(("sequence", "recordedtime"))
"""Attributes that the receiver gives; a sender must not."""
_CORE: Final = frozenset(
    (
        *("specversion", "id", "source", "type", "subject", "time"),
        *("datacontenttype", "traceparent"),
    )
)
_NOT_EXTENSIONS: Final = frozenset(("data",))
"""Names that would take the place of something else in the structured mode."""
_SENT: Final = sorted(name for name, cls in EVENT_TYPES.items() if cls.from_partners)
_NAME: Final = re.compile(r"[a-z0-9]{1,64}")
_UTF8: Final = frozenset(("utf-8", "utf8", "us-ascii"))
_FORBIDDEN: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\ufdd0-\ufdef"
    + "".join(chr(plane * 0x10000 + last) for plane in range(17) for last in (0xFFFE, 0xFFFF))
    + "]"
)
"""What CloudEvents forbids in attributes (1.0.2, "Type System"): control characters, which would
act on an operator's terminal, and noncharacters.
"""


class _Named(msgspec.Struct, gc=False):
    """What a refusal can say about an event that cannot be read, as far as it is text."""

    id: Any = None
    source: Any = None
    type: Any = None


_named: Final = msgspec.json.Decoder(_Named)


def read_event(raw: bytes | msgspec.Raw, terms: Terms) -> Incoming | Rejected:
    """One event in the structured mode."""
    text = bytes(raw)
    quick = read_quickly(text, terms)
    if quick is not None:
        return quick
    try:
        _refuse_too_much(text, terms)
        attributes, data = read_structured(text)
    except Undecodable as error:
        return _rejected(error, _names_in(text), content=text)
    return judge(attributes, data, terms=terms, content=text)


def judge(
    attributes: dict[str, str], data: bytes | None, *, terms: Terms, content: bytes
) -> Incoming | Rejected:
    """The event of these attributes; `content` is kept with the refusal."""
    try:
        _refuse_too_much(content, terms)
        return _incoming(attributes, data, terms)
    except (SchemaViolation, Undecodable) as error:
        return _rejected(error, attributes, content=content)


def _rejected(
    error: SchemaViolation | Undecodable, named: Mapping[str, str | None], *, content: bytes
) -> Rejected:
    field, reason = error.field, error.fact
    if isinstance(error, SchemaViolation):
        reason = reason.removeprefix(f"{field}: ")
        field = f"data.{field}" if field else "data"
    return Rejected(
        field=field,
        reason=uncapitalized(reason),
        hint=error.hint,
        id=named.get("id"),
        source=named.get("source"),
        type=named.get("type"),
        content=content,
    )


def _names_in(text: bytes) -> dict[str, str]:
    """Id, source and type, as far as the text is JSON."""
    try:
        named = msgspec.structs.asdict(_named.decode(text))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {}
    return {name: value for name, value in named.items() if isinstance(value, str)}


def is_utf8(parameters: str) -> bool:
    """Whether a content type's parameters leave the text in UTF-8, as JSON has to be."""
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset" and value.strip().strip('"').lower() not in _UTF8:
            return False
    return True


def is_json(media: str) -> bool:
    """Whether a media type is JSON: `application/json`, or any with the suffix `+json`."""
    return media in {"application/json", "text/json"} or media.endswith("+json")


def _refuse_too_much(content: bytes, terms: Terms) -> None:
    if len(content) > terms.event_bytes:
        raise Undecodable(
            f"the event has {len(content)} bytes of {terms.event_bytes}",
            hint="put the bulk elsewhere and send a reference",
        )
    if is_deeper(content, terms.levels):
        raise Undecodable(
            f"the event is nested deeper than {terms.levels} levels",
            hint="no event type needs more than six; send plain CloudEvents",
            field="data",
        )


def _incoming(attributes: dict[str, str], data: bytes | None, terms: Terms) -> Incoming:
    if attributes.get("specversion") != "1.0":
        raise AttributeUnusable("specversion", "is not 1.0", hint="send CloudEvents 1.0")
    cls = _partners_type(required(attributes, "type"))
    media, _, parameters = attributes.get("datacontenttype", "application/json").partition(";")
    if not is_json(media.strip().lower()):
        raise AttributeUnusable("datacontenttype", "is not JSON", hint="use application/json")
    if not is_utf8(parameters):
        raise AttributeUnusable("datacontenttype", "is not in UTF-8", hint="send UTF-8")
    for name in _ASSIGNED.intersection(attributes):
        raise AttributeUnusable(name, "is the receiver's to give", hint="leave it out")
    for name in ("id", "source"):
        _legible(required(attributes, name), name)
    time = instant(required(attributes, "time"), "time")
    if not terms.not_before <= time <= terms.not_after:
        raise _out_of_time(time, terms)
    if not data:
        raise Undecodable(
            "data is missing", hint="send what the JSON Schema of the type says", field="data"
        )
    decoded = strict_decoder(cls).decode(data)
    traceparent = attributes.get("traceparent")
    return Incoming(
        id=attributes["id"],
        source=attributes["source"],
        type=cls.wire_type,
        subject=_subject(attributes, decoded),
        time=time,
        payload=encode_data(decoded),
        voids=decoded.event_id if isinstance(decoded, EventVoided) else None,
        traceparent=_legible(traceparent, "traceparent") if traceparent is not None else None,
        extensions=_extensions(attributes, terms),
    )


def _legible(value: str, name: str) -> str:
    """The value if CloudEvents allows its characters. Raises AttributeUnusable."""
    if _FORBIDDEN.search(checked(value, name)):
        raise AttributeUnusable(
            name, "contains a character that CloudEvents forbids", hint="remove it"
        )
    return value


def _partners_type(wire_type: str) -> type[EventData]:
    cls = EVENT_TYPES.get(wire_type)
    if cls is None or not cls.from_partners:
        alike = get_close_matches(wire_type, _SENT, n=2)
        raise AttributeUnusable(
            "type",
            f"is none that partners send: {wire_type}",
            hint=f"did you mean {' or '.join(alike)}" if alike else "see the AsyncAPI document",
        )
    return cls


def _out_of_time(time: datetime, terms: Terms) -> AttributeUnusable:
    shown = instant_text(time)
    if time < terms.not_before:
        return AttributeUnusable(
            "time",
            f"is {shown}, before {instant_text(terms.not_before)}",
            hint="what happened earlier is not taken; see the limits of the receiver",
        )
    return AttributeUnusable(
        "time",
        f"is {shown}, which has not come yet",
        hint="set the sender's clock; send the event when it has happened",
    )


def _subject(attributes: dict[str, str], data: EventData) -> str | None:
    given = attributes.get("subject")
    if isinstance(data, EventVoided):
        return None  # it is that of the voided event, which the inbox knows
    if given is not None and given != data.subject:
        raise AttributeUnusable(
            "subject",
            f"is {given[:80]!r}, data says {data.subject!r}",
            hint="leave it out or repeat the id of the data",
        )
    return _legible(data.subject, "subject")


def _extensions(attributes: dict[str, str], terms: Terms) -> dict[str, str]:
    names = attributes.keys() - _CORE
    for name in names:
        if not _NAME.fullmatch(name) or name in _NOT_EXTENSIONS:
            raise AttributeUnusable(
                name,
                "is no name of an extension",
                hint="use small letters and digits, 64 at most, and not the name data",
            )
    if len(names) > terms.extensions:
        raise Undecodable(
            f"there are {len(names)} extension attributes of {terms.extensions}",
            hint="put what belongs to the event into data",
        )
    return {name: _legible(attributes[name], name) for name in sorted(names)}
