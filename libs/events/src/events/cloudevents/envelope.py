"""Our own envelope as it stands on the log: one JSON object, read and written in one pass.

Reading is strict about the envelope, because what it does not recognise at once is
left to the careful way (`events.cloudevents.kafka`), and tolerant about the data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Final, Literal, TypeVar, Union

import msgspec

from events.cloudevents.attributes import MAX_ATTRIBUTE_LENGTH, sequence_text
from events.event import MAX_SEQUENCE, Event, UnknownData
from events.log.port import Record
from events.types import EventData, Superseded
from events.upcasting import upcast

CONTENT_TYPE: Final = "application/cloudevents+json"
HEADERS: Final[list[tuple[str, bytes | None]]] = [("content-type", CONTENT_TYPE.encode())]
"""Of a record as we write it."""

T = TypeVar("T")

_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_ATTRIBUTE_LENGTH)]
_Instant = Annotated[datetime, msgspec.Meta(tz=True)]
_UNUSUAL: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, AttributeError)
_DIGITS: Final = len(str(MAX_SEQUENCE)) - 1
_Number = Annotated[str, msgspec.Meta(max_length=_DIGITS)]
_NOUGHT: Final = "0" * _DIGITS
"""No number is 0 that sorts behind it."""
_ESCAPE: Final = ord("\\")
"""Without it no text in JSON holds a NUL. As a number, which is found four times as fast."""


class _Written(msgspec.Struct, gc=False, omit_defaults=True):
    """In the order in which it is written: the type comes first, so that a reader knows the rest.

    What is always written has no default, or it would be left out.
    """

    type: str
    specversion: str
    id: str
    source: str
    subject: str
    time: datetime
    recordedtime: datetime
    sequence: str
    datacontenttype: str
    data: msgspec.Raw
    traceparent: str | None = None


_encode: Final = msgspec.json.Encoder().encode


def write_envelope(
    *,
    data: bytes,
    id: str,  # noqa: A002 - the CloudEvents name
    source: str,
    type: str,  # noqa: A002 - the CloudEvents name
    subject: str,
    sequence: int,
    time: datetime,
    recordedtime: datetime,
    traceparent: str | None = None,
    extensions: Mapping[str, str] | None = None,
) -> bytes:
    """The event as one JSON object around data that is JSON already.

    Takes attributes and no event: the relay has rows, and no time to make events of them.
    """
    written = _Written(
        type,
        "1.0",
        id,
        source,
        subject,
        time,
        recordedtime,
        sequence_text(sequence),
        "application/json",
        msgspec.Raw(data),
        traceparent or None,
    )
    if not extensions:
        return _encode(written)
    # What is ours stands last: no extension can take the place of an attribute.
    ours = msgspec.structs.asdict(written).items()
    return _encode({**extensions, **{name: value for name, value in ours if value is not None}})


class _Attributes(msgspec.Struct, kw_only=True, gc=False, forbid_unknown_fields=True):
    """Extensions are unknown fields here; the careful way keeps them."""

    specversion: Literal["1.0"]
    id: _Text
    source: _Text
    subject: _Text
    time: _Instant
    recordedtime: _Instant
    number: _Number = msgspec.field(name="sequence")
    datacontenttype: Literal["application/json"]
    traceparent: str | None = None


class _Untyped(_Attributes, kw_only=True, gc=False, forbid_unknown_fields=True):
    type: _Text
    data: msgspec.Raw


class Envelope(_Attributes, kw_only=True, gc=False, forbid_unknown_fields=True):
    """An event as it was decoded, envelope and data in one pass: an `EventLike`.

    Each type has a class of its own, found by its tag.
    """

    data: EventData

    @property
    def type(self) -> str:
        return self.data.wire_type

    @property
    def sequence(self) -> int:
        return int(self.number)

    @property
    def extensions(self) -> dict[str, str]:
        return {}


class EnvelopeReader:
    """Reads events of the given types; of other types it reads the envelope alone."""

    def __init__(self, types: Iterable[type[EventData]]) -> None:
        kinds = {cls.wire_type: cls for cls in types}
        # None stands in where nothing is read: the decoder of it takes no object.
        kind = Union[tuple(map(_envelope, kinds.values()))] if kinds else None  # noqa: UP007 - made at run time
        self._known = kinds.keys()
        self._has_older = any(issubclass(cls, Superseded) for cls in kinds.values())
        self._typed = msgspec.json.Decoder[Envelope](kind).decode
        self._untyped = msgspec.json.Decoder(_Untyped).decode

    def read_all(
        self, records: Sequence[Record], otherwise: Callable[[Record], T]
    ) -> list[Envelope | T]:
        """Each event, or what is made `otherwise` of one of another type or not as we write it.

        One long function: it runs for every event of the company, and calls cost.
        """
        typed, has_older = self._typed, self._has_older
        read: list[Envelope | T] = []
        for record in records:
            value = record.value or b""
            try:
                found = typed(value)
                if has_older:
                    found.data = upcast(found.data)
            except _UNUSUAL:
                read.append(otherwise(record))
                continue
            number = found.number
            if (
                record.headers == HEADERS
                and number.isdigit()
                and number > _NOUGHT
                and found.time.tzinfo is UTC
                and found.recordedtime.tzinfo is UTC
                and ((value.isascii() and _ESCAPE not in value) or _is_sound(found))
            ):
                read.append(found)
            else:
                read.append(otherwise(record))
        return read

    def read(self, record: Record) -> Event | None:
        """The event, or None for whatever is not as we write it; it may yet be legal."""
        found = self.read_all((record,), _nothing)[0]
        if found is not None:
            return _event(found, found.type, found.data)
        if record.headers != HEADERS:
            return None
        try:
            other = self._untyped(record.value or b"")
        except _UNUSUAL:
            return None
        if other.type in self._known or "\x00" in other.type or not _is_sound(other):
            return None
        if other.time.tzinfo is not UTC or other.recordedtime.tzinfo is not UTC:
            return None
        return _event(other, other.type, UnknownData(raw=bytes(other.data)))


def _nothing(record: Record) -> None:
    """What is made of a record that is not as we write it."""


def _is_sound(found: _Attributes) -> bool:
    """Texts that a database can hold, and a number that can be read."""
    number = found.number
    return (
        "\x00" not in found.id
        and "\x00" not in found.source
        and "\x00" not in found.subject
        and number.isascii()
        and number.isdigit()
        and number > _NOUGHT
    )


def _event(found: _Attributes, wire_type: str, data: EventData) -> Event:
    return Event(
        id=found.id,
        source=found.source,
        type=wire_type,
        subject=found.subject,
        sequence=int(found.number),
        time=found.time,
        recordedtime=found.recordedtime,
        data=data,
        traceparent=found.traceparent,
    )


def _envelope(cls: type[EventData]) -> type[msgspec.Struct]:
    return msgspec.defstruct(
        f"{cls.__name__}Envelope",
        [("data", cls)],
        bases=(Envelope,),
        tag_field="type",
        tag=cls.wire_type,
        kw_only=True,
        gc=False,
        forbid_unknown_fields=True,
    )
