"""CloudEvents over HTTP, as partners send them: structured, binary and batched.

Pure functions of headers and body, after the HTTP binding of CloudEvents 1.0.2.
One event of a batch that cannot be read costs itself alone.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Sequence
from typing import Final
from urllib.parse import unquote_to_bytes

import msgspec

from events.errors import AttributeUnusable, EventsError
from events.partners.incoming import Incoming, Rejected, Terms
from events.partners.nesting import split_array
from events.partners.quick import read_batch_quickly
from events.partners.reading import is_utf8, judge, read_event

BATCH: Final = "application/cloudevents-batch+json"
STRUCTURED: Final = "application/cloudevents+json"
_CLOUDEVENTS: Final = "application/cloudevents"
_QUOTED_PAIR: Final = re.compile(r"\\(.)")
_items: Final = msgspec.json.Decoder(list[msgspec.Raw])


class UnsupportedContentType(EventsError):
    """The request is no mode of CloudEvents that we read."""


class UnreadableBody(EventsError):
    """The body as a whole cannot be read."""


class TooManyEvents(EventsError):
    """A batch holds more events than are taken at once."""


def read_http(
    headers: Iterable[tuple[bytes, bytes]], body: bytes, *, terms: Terms
) -> list[Incoming | Rejected]:
    """Read a request's events in whichever mode it uses; one answer each, in order.

    `headers` are ASGI's. Raises UnsupportedContentType, UnreadableBody, TooManyEvents.
    """
    named = [(name.lower().decode("latin-1"), text.decode("latin-1")) for name, text in headers]
    content_type = next((text for name, text in named if name == "content-type"), "")
    media, _, parameters = content_type.partition(";")
    media = media.strip().lower()
    if media in {BATCH, STRUCTURED} and not is_utf8(parameters):
        raise UnsupportedContentType(
            f"content type {content_type[:80]} is not in UTF-8", hint="JSON is sent in UTF-8"
        )
    if media == BATCH:
        plain = read_batch_quickly(body, terms)
        if plain is not None:
            return list(plain)
        return [read_event(item, terms) for item in _batch(body, terms.events)]
    if media == STRUCTURED:
        return [read_event(body, terms)]
    if not media.startswith(_CLOUDEVENTS) and any(name.startswith("ce-") for name, _ in named):
        return [_binary(named, body, content_type=content_type, terms=terms)]
    raise UnsupportedContentType(
        f"content type {media[:80] or 'none'} is no CloudEvents mode that is read here",
        hint=f"send {STRUCTURED}, {BATCH}, or ce- headers with application/json",
    )


def is_batch(content_type: str) -> bool:
    """Whether a request with this content type is answered event by event."""
    return content_type.partition(";")[0].strip().lower() == BATCH


def _batch(body: bytes, most: int) -> Sequence[bytes | msgspec.Raw]:
    items: Sequence[bytes | msgspec.Raw] | None
    try:
        items = _items.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        items = split_array(body)
    if items is None:
        raise UnreadableBody("the body is no JSON array", hint="send an array of events")
    if len(items) > most:
        raise TooManyEvents(
            f"the batch has {len(items)} events of {most}", hint="send several smaller ones"
        )
    return items


def _binary(
    named: Sequence[tuple[str, str]], body: bytes, *, content_type: str, terms: Terms
) -> Incoming | Rejected:
    attributes: dict[str, str] = {}
    try:
        for name, text in named:
            if name.startswith("ce-"):
                attributes[name[3:]] = _attribute(name[3:], text, seen=attributes)
    except AttributeUnusable as error:
        return Rejected(
            field=error.field,
            reason=error.fact,
            hint=error.hint,
            id=attributes.get("id"),
            source=attributes.get("source"),
            type=attributes.get("type"),
            content=body,
        )
    if content_type:
        attributes["datacontenttype"] = content_type
    for name, text in named:
        if name == "traceparent":
            attributes.setdefault("traceparent", text)
    return judge(attributes, body, terms=terms, content=body)


def _attribute(name: str, text: str, *, seen: Container[str]) -> str:
    if name in seen:
        raise AttributeUnusable(name, "is given twice", hint="send the header once")
    if name == "datacontenttype":
        raise AttributeUnusable(
            name,
            "is a header of its own",
            hint="in binary mode it is the header Content-Type",
        )
    try:
        return _decoded(text)
    except UnicodeDecodeError:
        raise AttributeUnusable(
            name,
            "is not percent-encoded UTF-8",
            hint="write what is not printable ASCII as UTF-8 with percent signs",
        ) from None


def _decoded(text: str) -> str:
    """A header's value as the binding says (3.1.3.2): unquoted, then percent-decoded once."""
    text = text.strip()
    if len(text) > 1 and text.startswith('"') and text.endswith('"'):
        text = _QUOTED_PAIR.sub(r"\1", text[1:-1])
    if not text.isascii():
        # Against the binding, and what many clients do: UTF-8 as it is.
        text = text.encode("latin-1").decode()
    return unquote_to_bytes(text).decode() if "%" in text else text
