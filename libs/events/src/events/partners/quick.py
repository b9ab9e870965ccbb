"""The quick way for what partners usually send: envelope and data in one decoding.

It takes only what the careful way (`reading`) would take, and answers the same;
for everything else it says None and the careful way finds the words. Measured
on an order of 450 bytes: a fifth of the careful way's time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from types import UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin, get_type_hints

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


_SENT: Final = {name: cls for name, cls in EVENT_TYPES.items() if cls.from_partners}
_decode: Final[Callable[[bytes], Any]] = msgspec.json.Decoder(
    Union[tuple(_envelope(cls) for cls in _SENT.values())]  # noqa: UP007 - made at run time
).decode
_encode: Final = msgspec.json.Encoder().encode
_voids: Final = frozenset(name for name, cls in _SENT.items() if issubclass(cls, EventVoided))


def _namer(cls: type[EventData]) -> Callable[[Any], str]:
    """How data of a type name their subject; the twin has the same fields."""
    naming: Any = cls.subject
    found: Callable[[Any], str] = naming.fget
    return found


_subjects: Final = {name: _namer(cls) for name, cls in _SENT.items() if name not in _voids}


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


_days: Final = {name: _quick(cls) for name, cls in _SENT.items()}


def _is_in_calendar(data: Any, ways: list[tuple[str, ...]] | None) -> bool:
    """Whether no day has a year that databases or arithmetic choke on."""
    if ways is None:
        return False
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


def read_quickly(text: bytes, terms: Terms) -> Incoming | None:
    """The event, or None for whatever is not plain."""
    if len(text) > terms.event_bytes or (b"\\" in text and _NUL in text):  # the first is quicker
        return None
    try:
        event = _decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    time = _utc(event.time)
    wire_type, data = event.__struct_config__.tag, event.data
    is_plain = terms.not_before <= time <= terms.not_after and _is_in_calendar(
        data, _days[wire_type]
    )
    subject = None if wire_type in _voids else _subjects[wire_type](data)
    if not is_plain or (subject and event.subject not in {None, subject}):
        return None
    return Incoming(
        id=event.id,
        source=event.source,
        type=wire_type,
        subject=subject,
        time=time,
        payload=_encode(data),
        voids=None if subject else data.event_id,
        traceparent=event.traceparent,
    )


def _utc(time: datetime) -> datetime:
    try:
        return time if time.tzinfo is UTC else time.astimezone(UTC)
    except OverflowError:
        return _NEVER
