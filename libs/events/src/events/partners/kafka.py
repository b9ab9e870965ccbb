"""CloudEvents on a partner's own topic: binary and structured, after the Kafka binding.

The sender is a stranger: its headers may be anything that bytes can be.
"""

from __future__ import annotations

from typing import Final

from events.errors import AttributeUnusable, Undecodable
from events.log.port import NOT_UTF8, Record
from events.partners.http import BATCH, STRUCTURED
from events.partners.incoming import Incoming, Rejected, Terms
from events.partners.reading import is_utf8, judge, read_event

_CLOUDEVENTS: Final = "application/cloudevents"
_PREFIX: Final = "ce_"
_PLAIN: Final = {"content-type": "datacontenttype", "traceparent": "traceparent"}


def read_record(record: Record, *, terms: Terms) -> Incoming | Rejected:
    """The event of a record; whatever is wrong with it is an answer and no error."""
    value = record.value or b""
    size = len(value) + sum(len(name) + len(text or b"") for name, text in record.headers)
    if size > terms.event_bytes:
        return Rejected(
            field="",
            reason=f"the record has {size} bytes of {terms.event_bytes} with its headers",
            hint="put the bulk elsewhere and send a reference",
            content=value,
        )
    try:
        attributes = _attributes(record)
    except Undecodable as error:
        return Rejected(field=error.field, reason=error.fact, hint=error.hint, content=value)
    media, _, parameters = attributes.get("datacontenttype", "").partition(";")
    media = media.strip().lower()
    if media == STRUCTURED and is_utf8(parameters):
        return read_event(value, terms)
    if media.startswith(_CLOUDEVENTS):
        hint = "a record holds one event" if media == BATCH else f"send {STRUCTURED} in UTF-8"
        return Rejected(
            field="datacontenttype",
            reason=f"content type {media[:80]} is not read here",
            hint=hint,
            content=value,
        )
    return judge(attributes, record.value, terms=terms, content=value)


def _attributes(record: Record) -> dict[str, str]:
    """Raises Undecodable. Headers that are no attributes are the sender's own business if only
    they have a name.
    """
    attributes: dict[str, str] = {}
    for header, text in record.headers:
        if NOT_UTF8 in header:
            raise Undecodable(
                f"header {header[:80]} has a name that is not UTF-8",
                hint="name headers in UTF-8",
                field=header,
            )
        name = _PLAIN.get(header) or header.removeprefix(_PREFIX)
        if text is None or (name == header and header not in _PLAIN):
            continue
        try:
            attributes[name] = text.decode()
        except UnicodeDecodeError:
            raise AttributeUnusable(name, "is not UTF-8", hint="send attributes in UTF-8") from None
    return attributes
