"""The event as the code sees it: a CloudEvents 1.0 envelope around typed data.

Invariant: within one `source`, the events of one `subject` carry the sequence
1, 2, 3, … without a hole; everything downstream (duplicates, late copies, gaps)
is decided from that.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final, Protocol

import msgspec

from events.errors import DataError
from events.ids import uuid7
from events.types import EVENT_TYPES, EventData
from events.upcasting import decoder_of

MAX_SEQUENCE: Final = 2**63 - 1


class UnknownData(EventData, frozen=True, kw_only=True, gc=False):
    """Data of a type that this version of the code does not know, as it came."""

    raw: bytes


class Event(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One fact. `time` is when it happened, `recordedtime` when we wrote it down."""

    id: str
    source: str
    """Who says so; ours are `/tandem/<service>`."""
    type: str
    subject: str
    """Id of the aggregate, and the log's key."""
    sequence: int
    """The aggregate's version after this event: 1, 2, 3, …"""
    time: datetime
    recordedtime: datetime
    data: EventData
    traceparent: str | None = None
    extensions: dict[str, str] = {}

    @classmethod
    def of(
        cls,
        data: EventData,
        *,
        source: str,
        sequence: int,
        occurred_at: datetime,
        recorded_at: datetime,
        traceparent: str | None = None,
        subject: str | None = None,
        id: str | None = None,  # noqa: A002 - the CloudEvents name
        extensions: dict[str, str] | None = None,
    ) -> Event:
        """Wrap data that just happened. `subject` and `id` are given for partners' events only.

        Raises ValueError for a sequence below 1 or an instant without an offset.
        """
        if not 1 <= sequence <= MAX_SEQUENCE:
            raise ValueError(f"sequence {sequence} is not 1 or more; it is the aggregate's version")
        if occurred_at.tzinfo is None or recorded_at.tzinfo is None:
            raise ValueError("occurred_at and recorded_at need an offset; use UTC")
        return cls(
            id=uuid7() if id is None else id,
            source=source,
            type=data.wire_type,
            subject=data.subject if subject is None else subject,
            sequence=sequence,
            time=occurred_at.astimezone(UTC),
            recordedtime=recorded_at.astimezone(UTC),
            data=data,
            traceparent=traceparent,
            extensions=extensions or {},
        )


class EventLike(Protocol):
    """What can be read of an event: of an `Event`, and of one that was only decoded."""

    @property
    def id(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def subject(self) -> str: ...
    @property
    def sequence(self) -> int: ...
    @property
    def time(self) -> datetime: ...
    @property
    def recordedtime(self) -> datetime: ...
    @property
    def data(self) -> EventData: ...
    @property
    def traceparent(self) -> str | None: ...
    @property
    def extensions(self) -> dict[str, str]: ...


class SchemaViolation(DataError):
    """The envelope is sound but the data does not match its type.

    `event` is the envelope with the data left raw; `field` is the path of the
    first offence, such as `deal.owners[0].weight_bp` (empty for the whole).
    """

    reason = "schema"

    def __init__(self, fact: str, *, hint: str = "", field: str = "") -> None:
        super().__init__(fact, hint=hint)
        self.field = field
        self.event: Event | None = None


_encode: Final = msgspec.json.Encoder().encode


def encode_data(data: EventData) -> bytes:
    """The data as JSON, as it stands in the outbox, on the log and in examples."""
    return data.raw if isinstance(data, UnknownData) else _encode(data)


class DataDecoder:
    """Reads the data of some event types tolerantly: unknown fields are ignored.

    Older versions come out as the newest.
    """

    def __init__(self, types: Iterable[type[EventData]]) -> None:
        self._decoders = {cls.wire_type: decoder_of(cls) for cls in types}

    def decode(self, wire_type: str, raw: bytes) -> EventData:
        """The data; of a type that is not among ours it stays raw.

        Raises SchemaViolation when the data does not match its type.
        """
        decode = self._decoders.get(wire_type)
        if decode is None:
            return UnknownData(raw=raw)
        try:
            return decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise violation(error) from None


decode_data: Final = DataDecoder(EVENT_TYPES.values()).decode
"""Read the data of any type that this version of the code knows."""


def uncapitalized(text: str) -> str:
    """A statement as it stands within another: only a word in capitals keeps them."""
    return text if text[:2].isupper() else text[:1].lower() + text[1:]


def violation(error: Exception) -> SchemaViolation:
    """Turn an error of msgspec into one that names the field."""
    text = str(error)
    if isinstance(error, RecursionError):
        text = "data is nested too deeply"
    elif isinstance(error, UnicodeDecodeError):
        text = "data is not valid UTF-8"
    fact, _, path = text.partition(" - at `$")
    field = path.rstrip("`").removeprefix(".")
    fact = fact.replace("`", "")
    shown = f"{field}: {fact}" if field else fact
    return SchemaViolation(
        shown if field else uncapitalized(shown),
        hint="send what the JSON Schema of the type says",
        field=field,
    )
