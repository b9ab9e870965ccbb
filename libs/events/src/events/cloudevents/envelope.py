"""Our own envelope as it stands on the log: one JSON object, read and written in one pass.

Reading is strict about the envelope, because what it does not recognise at once is
left to the careful way (`events.cloudevents.kafka`), and tolerant about the data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, Union

import msgspec

from events.cloudevents.attributes import MAX_ATTRIBUTE_LENGTH, sequence_text
from events.event import MAX_SEQUENCE, Event, UnknownData
from events.types import EventData, Superseded
from events.upcasting import upcast

_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_ATTRIBUTE_LENGTH)]
_Instant = Annotated[datetime, msgspec.Meta(tz=True)]
_FIELDS: Final[list[Any]] = [
    ("specversion", Literal["1.0"]),
    ("id", _Text),
    ("source", _Text),
    ("subject", _Text),
    ("time", _Instant),
    ("recordedtime", _Instant),
    ("sequence", str),
    ("datacontenttype", Literal["application/json"]),
]
_TRACE: Final[Any] = ("traceparent", str | None, None)
_UNUSUAL: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, AttributeError)
_SEQUENCE_LENGTH: Final = len(str(MAX_SEQUENCE))


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


class EnvelopeReader:
    """Reads events of the given types; of other types it reads the envelope alone."""

    def __init__(self, types: Iterable[type[EventData]]) -> None:
        kinds = {cls.wire_type: cls for cls in types}
        envelopes = tuple(_envelope(cls) for cls in kinds.values())
        self._known = kinds.keys()
        self._has_older = any(issubclass(cls, Superseded) for cls in kinds.values())
        self._untyped = msgspec.json.Decoder(_Untyped).decode
        self._typed: Callable[[bytes], Any] = (
            msgspec.json.Decoder(Union[envelopes]).decode  # noqa: UP007 - made at run time
            if envelopes
            else self._untyped
        )

    def read(self, value: bytes) -> Event | None:
        """The event, or None for whatever is not as we write it; it may yet be legal.

        One long function: it runs for every event of the company, and calls cost.
        """
        try:
            found = self._typed(value)
            data = upcast(found.data) if self._has_older else found.data
            wire_type = data.wire_type
        except _UNUSUAL:
            try:
                found = self._untyped(value)
            except _UNUSUAL:
                return None
            wire_type, data = found.type, UnknownData(raw=bytes(found.data))
            if wire_type in self._known:
                return None
        identity, source, subject, number = found.id, found.source, found.subject, found.sequence
        if "\x00" in identity or "\x00" in source or "\x00" in subject:
            return None
        if not (len(number) < _SEQUENCE_LENGTH and number.isascii() and number.isdigit()):
            return None
        sequence = int(number)
        time, recorded = found.time, found.recordedtime
        if not sequence or time.tzinfo is not UTC or recorded.tzinfo is not UTC:
            return None
        return Event(
            id=identity,
            source=source,
            type=wire_type,
            subject=subject,
            sequence=sequence,
            time=time,
            recordedtime=recorded,
            data=data,
            traceparent=found.traceparent,
        )


def _envelope(cls: type[EventData]) -> type[msgspec.Struct]:
    """The envelope of one type: found by its tag, decoded together with its data."""
    return msgspec.defstruct(
        f"{cls.__name__}Envelope",
        [*_FIELDS, ("data", cls), _TRACE],
        tag_field="type",
        tag=cls.wire_type,
        forbid_unknown_fields=True,  # extensions are kept by the careful way
        gc=False,
    )


_Untyped: Final[Any] = msgspec.defstruct(
    "UntypedEnvelope",
    [("type", _Text), *_FIELDS, ("data", msgspec.Raw), _TRACE],
    forbid_unknown_fields=True,
    gc=False,
)
