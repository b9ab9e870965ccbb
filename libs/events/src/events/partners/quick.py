"""The quick way for what partners usually send: envelope and data in one decoding.

It takes only what the careful way (`reading`) would take, and answers the same;
for everything else it says None and the careful way finds the words. Measured
on an order of 450 bytes: a fifth of the careful way's time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from types import UnionType
from typing import (
    Annotated,
    Any,
    Final,
    Literal,
    NamedTuple,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

import msgspec

from events.cloudevents.attributes import MAX_ATTRIBUTE_LENGTH
from events.partners.incoming import Incoming, Terms
from events.strict import FIRST_YEAR, LAST_YEAR, closed_twin
from events.types import EVENT_TYPES, EventData
from events.types.base import Instant
from events.types.partner import EventVoided

_Attribute = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_ATTRIBUTE_LENGTH)]
_NEVER: Final = datetime.max.replace(tzinfo=UTC)
_NUL: Final = b"\\u0000"


def _envelope(cls: type[EventData]) -> type[msgspec.Struct]:
    return msgspec.defstruct(
        cls.__name__,
        [
            ("specversion", Literal["1.0"]),
            ("id", _Attribute),
            ("source", _Attribute),
            ("time", Instant),
            ("data", closed_twin(cls)),
            ("subject", str | None, None),
            ("datacontenttype", Literal["application/json"] | None, None),
            ("traceparent", _Attribute | None, None),
        ],
        kw_only=True,
        tag_field="type",
        tag=cls.wire_type,
        forbid_unknown_fields=True,
        gc=False,
    )


def _namer(cls: type[EventData]) -> Callable[[Any], str] | None:
    """How data of a type name their subject; the twin has the same fields. None for a voiding."""
    if issubclass(cls, EventVoided):
        return None
    naming: Any = cls.subject
    found: Callable[[Any], str] = naming.fget
    return found


def _ways_to_days(kind: Any) -> Iterator[tuple[str, ...]]:
    """The names that lead to each day or instant in data of this type.

    Raises TypeError for one inside a list: such data go the careful way.
    """
    if isinstance(kind, type) and issubclass(kind, date):
        yield ()
    elif isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        for name, inner in get_type_hints(kind).items():
            if name in kind.__struct_fields__:
                yield from ((name, *way) for way in _ways_to_days(inner))
    elif get_origin(kind) in {Union, UnionType}:
        for inner in get_args(kind):
            yield from _ways_to_days(inner)
    elif any(True for inner in get_args(kind) for _ in _ways_to_days(inner)):
        raise TypeError(f"{kind} holds days")


def _quick(cls: type[EventData]) -> list[tuple[str, ...]] | None:
    try:
        return list(_ways_to_days(cls))
    except TypeError:
        return None


class _Plan(NamedTuple):
    """What is to be known of a type before its events are read."""

    wire_type: str
    name_subject: Callable[[Any], str] | None
    ways_to_days: list[tuple[str, ...]] | None
    """None for data that hold days in lists: they go the careful way."""


_SENT: Final = [cls for cls in EVENT_TYPES.values() if cls.from_partners]
_PLANS: Final = {_envelope(cls): _Plan(cls.wire_type, _namer(cls), _quick(cls)) for cls in _SENT}
_Any: Final[Any] = Union[tuple(_PLANS)]  # noqa: UP007 - made at run time
_decode: Final[Callable[[bytes], Any]] = msgspec.json.Decoder(_Any).decode
_decode_batch: Final[Callable[[bytes], Any]] = msgspec.json.Decoder(list[_Any]).decode
_encode: Final = msgspec.json.Encoder().encode
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def read_quickly(text: bytes, terms: Terms) -> Incoming | None:
    """The event, or None for whatever is not plain."""
    if not _is_plain(text, terms):
        return None
    try:
        return _incoming(_decode(text), terms)
    except _UNREADABLE:
        return None


def read_batch_quickly(body: bytes, terms: Terms) -> list[Incoming] | None:
    """All events of an array, or None when one is not plain: each is then read by itself."""
    if not _is_plain(body, terms):
        return None
    try:
        events = _decode_batch(body)
    except _UNREADABLE:
        return None
    if len(events) > terms.events:
        return None
    found = []
    for event in events:
        incoming = _incoming(event, terms)
        if incoming is None:
            return None
        found.append(incoming)
    return found


def _is_plain(text: bytes, terms: Terms) -> bool:
    return len(text) <= terms.event_bytes and not (b"\\" in text and _NUL in text)


def _incoming(event: Any, terms: Terms) -> Incoming | None:
    """The event as it is taken. One long function: it runs for every event of every partner."""
    plan, data, time = _PLANS[type(event)], event.data, event.time
    trace = event.traceparent
    if not (event.id.isprintable() and event.source.isprintable() and (trace or "").isprintable()):
        return None  # a control character among what is not printable is refused by its name
    if time.tzinfo is not UTC:
        time = _utc(time)
    if not terms.not_before <= time <= terms.not_after:
        return None
    ways = plan.ways_to_days
    if ways is None or (ways and not _is_in_calendar(data, ways)):
        return None
    if plan.name_subject is None:
        subject, voids = None, data.event_id
    else:
        subject, voids = plan.name_subject(data), None
        if event.subject not in {None, subject} or not subject.isprintable():
            return None
    return Incoming(
        id=event.id,
        source=event.source,
        type=plan.wire_type,
        subject=subject,
        time=time,
        payload=_encode(data),
        voids=voids,
        traceparent=trace,
    )


def _is_in_calendar(data: Any, ways: list[tuple[str, ...]]) -> bool:
    """Whether no day has a year that databases or arithmetic choke on."""
    for way in ways:
        value = data
        for name in way:
            value = getattr(value, name)
            if value is None:
                break
        else:
            if not FIRST_YEAR <= value.year <= LAST_YEAR:
                return False
    return True


def _utc(time: datetime) -> datetime:
    try:
        return time.astimezone(UTC)
    except OverflowError:
        return _NEVER
