"""From attributes and data to an event that can be taken, or the reason why not.

Everything is strict: what is not understood is refused by the name of its field.
"""

from __future__ import annotations

import re
from datetime import datetime
from difflib import get_close_matches
from typing import Final

import msgspec

from events.cloudevents.attributes import checked, instant, instant_text, required
from events.cloudevents.structured import read_structured
from events.errors import SchemaViolation, Undecodable
from events.event import encode_data
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
_SENT: Final = sorted(name for name, cls in EVENT_TYPES.items() if cls.from_partners)
_NAME: Final = re.compile(r"[a-z0-9]{1,64}")
_UTF8: Final = frozenset(("utf-8", "utf8", "us-ascii"))


def read_event(raw: bytes | msgspec.Raw, terms: Terms) -> Incoming | Rejected:
    """One event in the structured mode."""
    text = bytes(raw)
    quick = read_quickly(text, terms)
    if quick is not None:
        return quick
    if (refusal := _too_much(text, terms)) is not None:
        return refusal
    try:
        attributes, data = read_structured(text)
    except Undecodable as error:
        return Rejected(field="", reason=error.fact, hint=error.hint, content=text)
    return judge(attributes, data, terms=terms, content=text)


def judge(
    attributes: dict[str, str], data: bytes | None, *, terms: Terms, content: bytes
) -> Incoming | Rejected:
    """The event of these attributes; `content` is kept with the refusal."""
    if (refusal := _too_much(content, terms)) is not None:
        return refusal
    error: SchemaViolation | Undecodable
    try:
        return _incoming(attributes, data, terms)
    except SchemaViolation as violation:
        error, field = violation, f"data.{violation.field}" if violation.field else "data"
        reason = violation.fact.removeprefix(f"{violation.field}: ")
    except Undecodable as unreadable:
        error, reason = unreadable, unreadable.fact
        field = reason.split()[1] if reason.startswith("attribute ") else ""
    return Rejected(
        field=field,
        reason=reason,
        hint=error.hint,
        id=attributes.get("id"),
        source=attributes.get("source"),
        type=attributes.get("type"),
        content=content,
    )


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


def _too_much(content: bytes, terms: Terms) -> Rejected | None:
    if len(content) > terms.event_bytes:
        return Rejected(
            field="",
            reason=f"the event has {len(content)} bytes of {terms.event_bytes}",
            hint="put the bulk elsewhere and send a reference",
            content=content,
        )
    if is_deeper(content, terms.levels):
        return Rejected(
            field="data",
            reason=f"the event is nested deeper than {terms.levels} levels",
            hint="no event type needs more than six; send plain CloudEvents",
            content=content,
        )
    return None


def _incoming(attributes: dict[str, str], data: bytes | None, terms: Terms) -> Incoming:
    if attributes.get("specversion") != "1.0":
        raise Undecodable("attribute specversion is not 1.0", hint="send CloudEvents 1.0")
    cls = _partners_type(required(attributes, "type"))
    media, _, parameters = attributes.get("datacontenttype", "application/json").partition(";")
    if not is_json(media.strip().lower()):
        raise Undecodable("attribute datacontenttype is not JSON", hint="use application/json")
    if not is_utf8(parameters):
        raise Undecodable("attribute datacontenttype is not in UTF-8", hint="send UTF-8")
    for name in _ASSIGNED.intersection(attributes):
        raise Undecodable(f"attribute {name} is the receiver's to give", hint="leave it out")
    identity, source = required(attributes, "id"), required(attributes, "source")
    time = instant(required(attributes, "time"), "time")
    if not terms.not_before <= time <= terms.not_after:
        raise _out_of_time(time, terms)
    decoded = strict_decoder(cls).decode(data or b"")
    return Incoming(
        id=identity,
        source=source,
        type=cls.wire_type,
        subject=_subject(attributes, decoded),
        time=time,
        payload=encode_data(decoded),
        voids=decoded.event_id if isinstance(decoded, EventVoided) else None,
        traceparent=attributes.get("traceparent"),
        extensions=_extensions(attributes, terms),
    )


def _partners_type(wire_type: str) -> type[EventData]:
    cls = EVENT_TYPES.get(wire_type)
    if cls is None or not cls.from_partners:
        alike = get_close_matches(wire_type, _SENT, n=2)
        raise Undecodable(
            f"attribute type is none that partners send: {wire_type}",
            hint=f"did you mean {' or '.join(alike)}" if alike else "see the AsyncAPI document",
        )
    return cls


def _out_of_time(time: datetime, terms: Terms) -> Undecodable:
    shown = instant_text(time)
    if time < terms.not_before:
        return Undecodable(
            f"attribute time is {shown}, before {instant_text(terms.not_before)}",
            hint="what happened earlier is not taken; see the limits of the receiver",
        )
    return Undecodable(
        f"attribute time is {shown}, which has not come yet",
        hint="set the sender's clock; send the event when it has happened",
    )


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


def _extensions(attributes: dict[str, str], terms: Terms) -> dict[str, str]:
    names = attributes.keys() - _CORE
    for name in names:
        if not _NAME.fullmatch(name):
            raise Undecodable(
                f"attribute {name[:80]} is no name of CloudEvents",
                hint="use small letters and digits, 64 at most",
            )
    if len(names) > terms.extensions:
        raise Undecodable(
            f"there are {len(names)} extension attributes of {terms.extensions}",
            hint="put what belongs to the event into data",
        )
    return {name: checked(attributes[name], name) for name in sorted(names)}
